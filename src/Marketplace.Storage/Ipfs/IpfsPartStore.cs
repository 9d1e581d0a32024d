using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace Marketplace.Storage.Ipfs;

/// <summary>
/// Pieces as pinned raw blocks of an IPFS node. Records are hashed by SHA-512 and all else by SHA-256, so that the records are told from
/// the rest by their CIDs alone.
/// </summary>
public sealed class IpfsPartStore(IpfsClient client) : IPartStore
{
    // A CID of version 1: version, codec (raw), hash function and its length, then the hash.
    private static readonly byte[] s_piecePrefix = [0x01, 0x55, 0x12, 0x20];
    private static readonly byte[] s_recordPrefix = [0x01, 0x55, 0x13, 0x40];

    /// <inheritdoc />
    public int PartBytesMax => 256 << 10;

    /// <inheritdoc />
    public int AddressChars { get; } = Base32([.. s_piecePrefix, .. new byte[SHA256.HashSizeInBytes]]).Length;

    /// <inheritdoc />
    public string AddressOf(string shardId, long index, ReadOnlySpan<byte> part) => Base32([.. s_piecePrefix, .. SHA256.HashData(part)]);

    /// <inheritdoc />
    public string RecordAddressOf(string shardId, ReadOnlySpan<byte> record) => Base32([.. s_recordPrefix, .. SHA512.HashData(record)]);

    /// <inheritdoc />
    public Task PutAsync(string address, ReadOnlyMemory<byte> part, CancellationToken token) => PutAsync(address, part, "sha2-256", token);

    /// <inheritdoc />
    public Task PutRecordAsync(string address, ReadOnlyMemory<byte> record, CancellationToken token) => PutAsync(address, record, "sha2-512", token);

    /// <inheritdoc />
    public async Task<byte[]?> GetAsync(string address, CancellationToken token)
    {
        try
        {
            return await client.Block.GetAsync(address, token);
        }
        catch (StorageAwayException)
        {
            // Some kinds of nodes look for a block that they lack until their time is over; what is not pinned any more is gone.
            if (await client.Pin.HasAsync(address, token)) throw;
            return null;
        }
    }

    /// <inheritdoc />
    public async Task DeleteAsync(string address, CancellationToken token)
    {
        await client.Pin.RmAsync(address, token);
        await client.Block.RmAsync(address, token);
    }

    /// <inheritdoc />
    public Task<bool> HasRecordAsync(string address, CancellationToken token) => client.Pin.HasAsync(address, token);

    /// <inheritdoc />
    public async IAsyncEnumerable<string> RecordsAsync([EnumeratorCancellation] CancellationToken token)
    {
        int chars = Base32([.. s_recordPrefix, .. new byte[SHA512.HashSizeInBytes]]).Length;
        string begin = Base32(s_recordPrefix)[..6];
        foreach (string cid in await client.Pin.LsAsync(token))
        {
            if (cid.Length == chars && cid.StartsWith(begin, StringComparison.Ordinal)) yield return cid;
        }
    }

    /// <summary>Multibase "b": base 32 of RFC 4648 in lower case without padding.</summary>
    internal static string Base32(ReadOnlySpan<byte> bytes)
    {
        const string Digits = "abcdefghijklmnopqrstuvwxyz234567";
        var text = new System.Text.StringBuilder("b", 1 + (((bytes.Length * 8) + 4) / 5));
        int held = 0;
        int bits = 0;
        foreach (byte one in bytes)
        {
            held = (held << 8) | one;
            bits += 8;
            while (bits >= 5)
            {
                bits -= 5;
                text.Append(Digits[(held >> bits) & 31]);
            }

            held &= (1 << bits) - 1;
        }

        if (bits > 0) text.Append(Digits[(held << (5 - bits)) & 31]);
        return text.ToString();
    }

    private async Task PutAsync(string address, ReadOnlyMemory<byte> bytes, string hash, CancellationToken token)
    {
        string cid = await client.Block.PutAsync(bytes, hash, pin: true, token);
        if (cid != address) throw new IOException($"The IPFS node names the block {cid}, not {address}.");
    }
}
