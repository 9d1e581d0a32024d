namespace Marketplace.Coding;

/// <summary>Chunks that need not be stored again. A <see cref="BundleWriter"/> asks for each chunk that it cut out of a file.</summary>
public interface IKnownChunks
{
    /// <summary>Where a chunk with this content lies: in another deal's bundle, or (deal 0) in the one that is being written.</summary>
    bool TryFind(ReadOnlySpan<byte> plain, out ChunkRef chunk);

    /// <summary>The chunk that was asked for last was not known and lies here now.</summary>
    void Add(ChunkRef chunk, int row);
}
