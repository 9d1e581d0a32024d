using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;

namespace Marketplace.Storage.Buckets;

/// <summary>Where a bucket is and how one may use it.</summary>
/// <param name="Endpoint">The service, <c>https://s3.example</c>.</param>
/// <param name="Bucket">The bucket; it must exist.</param>
/// <param name="AccessKey">Name of the key.</param>
/// <param name="SecretKey">The key. Never logged.</param>
/// <param name="Prefix">Before every name, so that several nodes may share a bucket; empty or ends in a slash.</param>
/// <param name="Region">Name of the region; many services take any.</param>
public sealed record BucketAddress(Uri Endpoint, string Bucket, string AccessKey, string SecretKey, string Prefix = "", string Region = "us-east-1")
{
    /// <inheritdoc />
    public override string ToString() => $"{Endpoint}{Bucket}/{Prefix}";
}

/// <summary>Pieces as objects of an S3-compatible bucket: <c>parts/ID/INDEX</c>, records <c>records/ID</c>.</summary>
public sealed class BucketPartStore : IPartStore, IDisposable
{
    private const string IndexFormat = "x12";
    private const int IndexChars = 12;
    private const int IdChars = 32;

    /// <summary>The client tries a call again by itself, but not a body that breaks off.</summary>
    private const int BodyTriesMax = 3;

    private static readonly TimeSpan s_bodyTimeout = TimeSpan.FromMinutes(1);

    private readonly AmazonS3Client _client;
    private readonly BucketAddress _address;

    /// <summary>Connects lazily.</summary>
    public BucketPartStore(BucketAddress address)
    {
        _address = address;
        _client = new AmazonS3Client(
            new BasicAWSCredentials(address.AccessKey, address.SecretKey),
            new AmazonS3Config
            {
                ServiceURL = address.Endpoint.ToString(),
                AuthenticationRegion = address.Region,
                ForcePathStyle = true,
                // Older and smaller servers know no trailing checksums; our own tree checks every byte anyway.
                RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
                ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
            });
    }

    /// <inheritdoc />
    public int PartBytesMax => 1 << 20;

    /// <inheritdoc />
    public int AddressChars => _address.Prefix.Length + "parts/".Length + IdChars + 1 + IndexChars;

    /// <inheritdoc />
    public string AddressOf(string shardId, long index, ReadOnlySpan<byte> part) =>
        $"{_address.Prefix}parts/{shardId}/{index.ToString(IndexFormat, CultureInfo.InvariantCulture)}";

    /// <inheritdoc />
    public string RecordAddressOf(string shardId, ReadOnlySpan<byte> record) => $"{_address.Prefix}records/{shardId}";

    /// <inheritdoc />
    public Task PutAsync(string address, ReadOnlyMemory<byte> part, CancellationToken token) => CallAsync(async () =>
    {
        using var stream = new MemoryStream(part.ToArray(), writable: false);
        await _client.PutObjectAsync(new PutObjectRequest { BucketName = _address.Bucket, Key = address, InputStream = stream, UseChunkEncoding = false }, token);
        return true;
    }, token);

    /// <inheritdoc />
    public Task PutRecordAsync(string address, ReadOnlyMemory<byte> record, CancellationToken token) => PutAsync(address, record, token);

    /// <inheritdoc />
    public async Task<byte[]?> GetAsync(string address, CancellationToken token) => (await ReadAsync(address, null, token))?.Bytes;

    /// <inheritdoc />
    public Task<PartSlice?> GetSomeAsync(string address, int from, int count, CancellationToken token) =>
        ReadAsync(address, new ByteRange(from, from + count - 1), token);

    /// <inheritdoc />
    public Task DeleteAsync(string address, CancellationToken token) => CallAsync(async () =>
    {
        await _client.DeleteObjectAsync(_address.Bucket, address, token);
        return true;
    }, token);

    /// <inheritdoc />
    public async Task<bool> HasRecordAsync(string address, CancellationToken token) => await GetAsync(address, token) is not null;

    /// <inheritdoc />
    public IAsyncEnumerable<string> RecordsAsync(CancellationToken token) => NamesAsync("records/", token);

    /// <inheritdoc />
    public void Dispose() => _client.Dispose();

    /// <summary>The names of all objects that begin so.</summary>
    internal async IAsyncEnumerable<string> NamesAsync(string begin, [EnumeratorCancellation] CancellationToken token)
    {
        var request = new ListObjectsV2Request { BucketName = _address.Bucket, Prefix = _address.Prefix + begin };
        while (true)
        {
            ListObjectsV2Response page = await CallAsync(() => _client.ListObjectsV2Async(request, token), token);
            foreach (S3Object one in page.S3Objects ?? []) yield return one.Key;
            if (page.IsTruncated != true) yield break;
            request.ContinuationToken = page.NextContinuationToken;
        }
    }

    private async Task<PartSlice?> ReadAsync(string address, ByteRange? range, CancellationToken token)
    {
        for (int tries = 1; ; tries++)
        {
            try
            {
                return await CallAsync(() => ReadOnceAsync(address, range, token), token);
            }
            catch (StorageAwayException e) when (e.InnerException is IOException && tries < BodyTriesMax)
            {
                // It broke off in the middle.
            }
        }
    }

    private async Task<PartSlice?> ReadOnceAsync(string address, ByteRange? range, CancellationToken token)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(token);
        try
        {
            using GetObjectResponse response = await _client.GetObjectAsync(new GetObjectRequest { BucketName = _address.Bucket, Key = address, ByteRange = range }, token);
            patience.CancelAfter(s_bodyTimeout);
            using var bytes = new MemoryStream((int)Math.Clamp(response.ContentLength, 0, PartBytesMax));
            await response.ResponseStream.CopyToAsync(bytes, patience.Token);
            // A service that knows no ranges gives all of it.
            return new PartSlice(response.HttpStatusCode == HttpStatusCode.PartialContent ? (int)range!.Start : 0, bytes.ToArray());
        }
        catch (AmazonS3Exception e) when (e.ErrorCode == "NoSuchKey")
        {
            return null;
        }
        catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            return new PartSlice((int)range!.Start, []);
        }
    }

    /// <summary>Whatever goes wrong on the way to the bucket and back says nothing about what lies there.</summary>
    private static async Task<T> CallAsync<T>(Func<Task<T>> call, CancellationToken token)
    {
        try
        {
            return await call();
        }
        catch (Exception e) when (e is AmazonServiceException or AmazonClientException or HttpRequestException or IOException || (e is OperationCanceledException && !token.IsCancellationRequested))
        {
            throw new StorageAwayException("The bucket does not do it: " + e.Message, e);
        }
    }
}
