namespace Marketplace.Storage;

/// <summary>
/// Somewhere else that keeps small pieces of bytes under names that it or we choose: what <see cref="RemoteShardStore"/> needs of an
/// IPFS node or a bucket. Pieces never change.
/// </summary>
public interface IPartStore
{
    /// <summary>Bytes in a piece, at most.</summary>
    int PartBytesMax { get; }

    /// <summary>Characters in the address of every piece.</summary>
    int AddressChars { get; }

    /// <summary>The address that a piece will have. Known before it is put, so that a crash in between leaves nothing unnamed.</summary>
    string AddressOf(string shardId, long index, ReadOnlySpan<byte> part);

    /// <summary>Keeps a piece; when this returns it is as durable as the storage makes it.</summary>
    /// <exception cref="StorageAwayException">The storage does not take it or cannot be reached.</exception>
    Task PutAsync(string address, ReadOnlyMemory<byte> part, CancellationToken token);

    /// <summary>Reads a whole piece, or null if there is none.</summary>
    /// <exception cref="StorageAwayException">The storage cannot be reached.</exception>
    Task<byte[]?> GetAsync(string address, CancellationToken token);

    /// <summary>
    /// Reads some of a piece, or null if there is none: the bytes asked for, as far as it has them, and what else the storage gives with
    /// them. One that cannot give less gives the whole piece.
    /// </summary>
    /// <exception cref="StorageAwayException">The storage cannot be reached.</exception>
    async Task<PartSlice?> GetSomeAsync(string address, int from, int count, CancellationToken token) =>
        await GetAsync(address, token) is { } whole ? new PartSlice(0, whole) : null;

    /// <summary>Removes a piece; does nothing if there is none.</summary>
    /// <exception cref="StorageAwayException">The storage cannot be reached.</exception>
    Task DeleteAsync(string address, CancellationToken token);

    /// <summary>The address that the record of a shard will have.</summary>
    string RecordAddressOf(string shardId, ReadOnlySpan<byte> record);

    /// <summary>Keeps the record of a shard, in a way that <see cref="RecordsAsync"/> finds it.</summary>
    /// <exception cref="StorageAwayException">The storage does not take it or cannot be reached.</exception>
    Task PutRecordAsync(string address, ReadOnlyMemory<byte> record, CancellationToken token);

    /// <summary>Whether there is a record at an address.</summary>
    /// <exception cref="StorageAwayException">The storage cannot be reached.</exception>
    Task<bool> HasRecordAsync(string address, CancellationToken token);

    /// <summary>The addresses of all records.</summary>
    IAsyncEnumerable<string> RecordsAsync(CancellationToken token);
}

/// <summary>Some of a piece.</summary>
/// <param name="From">Where in the piece it begins.</param>
/// <param name="Bytes">What is there.</param>
public readonly record struct PartSlice(int From, byte[] Bytes);
