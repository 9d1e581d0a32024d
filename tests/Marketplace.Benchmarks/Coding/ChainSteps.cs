using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Benchmarks.Coding;

/// <summary>The steps of storing, each alone, over the same files, chunks and bundle as the chain.</summary>
internal sealed class ChainSteps : IDisposable
{
    private readonly BundleKey _key;
    private readonly IReadOnlyList<CorpusFile> _files;
    private readonly byte[] _bundle;
    private readonly Chunker _chunker;
    private readonly ChunkCompressor _compressor = new();
    private readonly List<byte[]> _plain = [];
    private readonly List<byte[]> _packed = [];
    private readonly byte[] _room = new byte[ChunkRef.SealedBytesMax];

    public ChainSteps(BundleKey key, IReadOnlyList<CorpusFile> files, byte[] bundle)
    {
        _key = key;
        _files = files;
        _bundle = bundle;
        _chunker = key.CreateChunker();
        var pack = new List<byte>();
        foreach (CorpusFile file in files)
        {
            if (file.Content.Length > BundleWriter.PackedFileBytesMax)
            {
                Cut(file.Content, chunk => _plain.Add(file.Content[chunk]));
                continue;
            }

            if (pack.Count + file.Content.Length > BundleWriter.PackBytesMax)
            {
                _plain.Add([.. pack]);
                pack.Clear();
            }

            pack.AddRange(file.Content);
        }

        if (pack.Count > 0) _plain.Add([.. pack]);
        foreach (byte[] chunk in _plain) _packed.Add(_compressor.TryCompress(chunk, _room, out int bytes) ? _room[..bytes] : chunk);
    }

    public void Cut()
    {
        foreach (CorpusFile file in _files)
        {
            if (file.Content.Length > BundleWriter.PackedFileBytesMax) Cut(file.Content, _ => { });
        }
    }

    public void Compress()
    {
        foreach (byte[] chunk in _plain) _compressor.TryCompress(chunk, _room, out _);
    }

    public void Seal()
    {
        long offset = BundleHead.SizeBytes;
        foreach (byte[] chunk in _packed)
        {
            _key.Cipher.Seal(SealDomain.Chunk, offset, chunk, _room);
            offset += chunk.Length + ChunkRef.OverheadBytes;
        }
    }

    /// <summary>Parity of the bundle, stripe by stripe, where it lies.</summary>
    public Action Encode(Redundancy redundancy)
    {
        if (redundancy.Needed == 1) return static () => { };
        var code = new ErasureCode(redundancy);
        int stripe = redundancy.Needed * ShardGeometry.CellBytes;
        byte[] parity = new byte[code.ParityColumns * ShardGeometry.CellBytes];
        return () =>
        {
            for (int at = 0; at + stripe <= _bundle.Length; at += stripe) code.Encode(_bundle.AsSpan(at, stripe), parity);
        };
    }

    /// <summary>The trees of all shards; which bytes these hold does not matter for the time.</summary>
    public Action Hash(Redundancy redundancy)
    {
        int shardBytes = _bundle.Length / redundancy.Needed / MerkleTree.LeafBytes * MerkleTree.LeafBytes;
        int columns = redundancy.Needed == 1 ? 1 : redundancy.Shards;
        return () =>
        {
            for (int i = 0; i < columns; i++) MerkleTree.Commit(_bundle.AsSpan(i % redundancy.Needed * shardBytes, shardBytes));
        };
    }

    public void Dispose()
    {
        _chunker.Dispose();
        _compressor.Dispose();
    }

    private void Cut(byte[] content, Action<Range> take)
    {
        _chunker.Reset();
        int open = 0;
        for (int at = 0; at < content.Length;)
        {
            at += _chunker.Next(content.AsSpan(at), out bool cut);
            if (!cut && at < content.Length) continue;
            take(open..at);
            open = at;
        }
    }
}
