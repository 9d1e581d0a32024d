namespace Marketplace.Coding;

/// <summary>What need not be stored again. A <see cref="BundleWriter"/> asks for each chunk that it cut out of a file, and for each small file.</summary>
public interface IKnownChunks
{
    /// <summary>Where a chunk with this content lies: in another deal's bundle, or (deal 0) in the one that is being written.</summary>
    bool TryFind(ReadOnlySpan<byte> plain, out ChunkRef chunk);

    /// <summary>The chunk that was asked for last was not known and lies here now.</summary>
    void Add(ChunkRef chunk, int row);

    /// <summary>
    /// Where a small file (<see cref="BundleWriter.PackedFileBytesMax"/>) with this content lies: in a chunk of another deal's bundle,
    /// from <paramref name="skip"/> on.
    /// </summary>
    bool TryFindFile(ReadOnlySpan<byte> plain, out ChunkRef chunk, out int skip);

    /// <summary>The small file that was asked for last was not known and is this record of the manifest now.</summary>
    void AddFile(int record);
}
