namespace Marketplace.Storage.Tests.Remote;

/// <summary>A storage that does not answer any more from some call on.</summary>
internal sealed class FaultyParts(IPartStore inner) : IPartStore
{
    private long _calls;

    /// <summary>Calls so far.</summary>
    public long Calls => Interlocked.Read(ref _calls);

    /// <summary>Calls with this number and later ones fail; null for none.</summary>
    public long? FailAt { get; set; }

    public int PartBytesMax => Math.Min(inner.PartBytesMax, 16_384);

    public int AddressChars => inner.AddressChars;

    public string AddressOf(string shardId, long index, ReadOnlySpan<byte> part) => inner.AddressOf(shardId, index, part);

    public string RecordAddressOf(string shardId, ReadOnlySpan<byte> record) => inner.RecordAddressOf(shardId, record);

    public Task PutAsync(string address, ReadOnlyMemory<byte> part, CancellationToken token) => Call(() => inner.PutAsync(address, part, token));

    public Task<byte[]?> GetAsync(string address, CancellationToken token) => Call(() => inner.GetAsync(address, token));

    public Task<PartSlice?> GetSomeAsync(string address, int from, int count, CancellationToken token) => Call(() => inner.GetSomeAsync(address, from, count, token));

    public Task DeleteAsync(string address, CancellationToken token) => Call(() => inner.DeleteAsync(address, token));

    public Task PutRecordAsync(string address, ReadOnlyMemory<byte> record, CancellationToken token) => Call(() => inner.PutRecordAsync(address, record, token));

    public Task<bool> HasRecordAsync(string address, CancellationToken token) => Call(() => inner.HasRecordAsync(address, token));

    public IAsyncEnumerable<string> RecordsAsync(CancellationToken token) => Call(() => inner.RecordsAsync(token));

    private T Call<T>(Func<T> call) => Interlocked.Increment(ref _calls) > FailAt ? throw new StorageAwayException("The storage is away.") : call();
}
