using System.Buffers;
using Marketplace.Coding;
using Marketplace.Domain;
using ZstdSharp;

namespace Marketplace.Benchmarks.Coding;

/// <summary>Shard bytes to file bytes: ranges of k columns verified by their proofs, decoded with data columns missing, chunks opened; and each step alone.</summary>
internal sealed class ReadChain
{
    private readonly BundleKey _key;
    private readonly byte[] _bundle;
    private readonly byte[] _out;
    private readonly ShardGeometry _geometry;
    private readonly ShardDecoder _decoder;
    private readonly List<ReadOnlyMemory<byte>[]> _ranges = [];
    private readonly List<(ShardCommitment Shard, long FirstLeaf, byte[] Proof)[]> _proofs = [];
    private readonly Manifest _manifest;
    private readonly List<byte[]> _compressed = [];
    private readonly byte[] _plain = new byte[ChunkRef.PlainBytesMax];
    private readonly int _rangeBytes;

    public ReadChain(BundleKey key, byte[] bundle, Redundancy redundancy, int rangeBytes)
    {
        _key = key;
        _bundle = bundle;
        _out = new byte[bundle.Length];
        _geometry = new ShardGeometry(redundancy, bundle.Length);
        _rangeBytes = rangeBytes;
        var code = new ErasureCode(redundancy);
        MemoryShard[] shards = Encode(code, bundle);

        // Half of what is read are parity columns: as many data columns as that must be computed.
        int k = redundancy.Needed;
        int[] columns = [.. Enumerable.Range(k / 2, k)];
        _decoder = new ShardDecoder(code, _geometry, columns);
        for (long offset = 0; offset < _geometry.ShardBytes; offset += rangeBytes)
        {
            int bytes = (int)Math.Min(rangeBytes, _geometry.ShardBytes - offset);
            long first = offset / MerkleTree.LeafBytes;
            _ranges.Add([.. columns.Select(i => (ReadOnlyMemory<byte>)shards[i].Bytes.AsMemory((int)offset, bytes))]);
            _proofs.Add([.. columns.Select(i => (shards[i].Commitment, first, shards[i].Prove(first, bytes / MerkleTree.LeafBytes)))]);
        }

        BundleFooter footer = BundleFooter.Open(key, bundle.Length, bundle.AsSpan((int)BundleFooter.OffsetIn(bundle.Length)));
        using var decoder = new ManifestDecoder(key, footer);
        for (int i = 0; i < footer.Pieces; i++)
        {
            (long offset, int bytes) = footer.Piece(i);
            decoder.Append(bundle.AsSpan((int)offset, bytes));
        }

        _manifest = decoder.Complete();
        foreach (ChunkRef chunk in _manifest.Chunks)
        {
            byte[] compressed = new byte[chunk.SealedBytes - ChunkRef.OverheadBytes];
            key.Cipher.TryOpen(SealDomain.Chunk, chunk.Offset, Sealed(bundle, chunk), compressed);
            _compressed.Add(chunk.Encoding is ChunkEncoding.Zstd ? compressed : []);
        }
    }

    public void Whole()
    {
        using var opener = new ChunkOpener(_key);
        int next = 0;
        for (int i = 0; i < _ranges.Count; i++)
        {
            VerifyRange(i);
            DecodeRange(i);
            long have = Math.Min((long)(i + 1) * _rangeBytes * _geometry.Redundancy.Needed, _bundle.Length);
            for (; next < _manifest.Chunks.Count && _manifest.Chunks[next].Offset + _manifest.Chunks[next].SealedBytes <= have; next++)
                opener.Open(_manifest.Chunks[next], Sealed(_out, _manifest.Chunks[next]), _plain);
        }

        if (next != _manifest.Chunks.Count) throw new InvalidDataException("Not every chunk was read.");
    }

    public void Verify()
    {
        for (int i = 0; i < _ranges.Count; i++) VerifyRange(i);
    }

    public void Decode()
    {
        for (int i = 0; i < _ranges.Count; i++) DecodeRange(i);
    }

    public void Open()
    {
        foreach (ChunkRef chunk in _manifest.Chunks)
        {
            if (!_key.Cipher.TryOpen(SealDomain.Chunk, chunk.Offset, Sealed(_bundle, chunk), _plain)) throw new InvalidDataException("A chunk does not open.");
        }
    }

    public void Decompress()
    {
        using var decompressor = new Decompressor();
        foreach (byte[] compressed in _compressed)
        {
            if (compressed.Length > 0) decompressor.Unwrap(compressed, _plain);
        }
    }

    private static ReadOnlySpan<byte> Sealed(byte[] bundle, ChunkRef chunk) => bundle.AsSpan((int)chunk.Offset, chunk.SealedBytes);

    private static MemoryShard[] Encode(ErasureCode code, byte[] bundle)
    {
        var shards = new ArrayBufferWriter<byte>[code.Shards];
        for (int i = 0; i < shards.Length; i++) shards[i] = new ArrayBufferWriter<byte>();
        using var encoder = new ShardEncoder(code);
        for (int at = 0; at < bundle.Length;)
        {
            at += encoder.Append(bundle.AsSpan(at));
            Take();
        }

        encoder.Finish();
        Take();
        return [.. shards.Select(shard => new MemoryShard(shard.WrittenSpan.ToArray()))];

        void Take()
        {
            if (!encoder.HasCells) return;
            for (int i = 0; i < shards.Length; i++) shards[i].Write(encoder.Cell(i).Span);
            encoder.Release();
        }
    }

    private void VerifyRange(int range)
    {
        for (int column = 0; column < _ranges[range].Length; column++)
        {
            (ShardCommitment shard, long first, byte[] proof) = _proofs[range][column];
            if (!RangeProof.Verify(shard, first, _ranges[range][column].Span, proof)) throw new InvalidDataException("A range is refused.");
        }
    }

    private void DecodeRange(int range)
    {
        int k = _geometry.Redundancy.Needed;
        long offset = (long)range * _rangeBytes;
        _decoder.Decode(offset, _ranges[range], _out.AsSpan((int)(offset * k), _ranges[range][0].Length * k));
    }
}

/// <summary>A shard and its sidecar in memory.</summary>
internal sealed class MemoryShard : IShardReader
{
    private readonly byte[] _sidecar;

    public MemoryShard(byte[] bytes)
    {
        Bytes = bytes;
        var sidecar = new ArrayBufferWriter<byte>();
        using var builder = new MerkleTreeBuilder(sidecar);
        builder.Append(bytes);
        if (!builder.TryFinish(out ShardCommitment commitment)) throw new ArgumentException("Not a shard.", nameof(bytes));
        Commitment = commitment;
        _sidecar = sidecar.WrittenSpan.ToArray();
    }

    public byte[] Bytes { get; }

    public ShardCommitment Commitment { get; }

    public byte[] Prove(long firstLeaf, long leaves)
    {
        byte[] proof = new byte[RangeProof.SizeBytes(Commitment.Leaves, firstLeaf, leaves)];
        RangeProof.Write(this, Commitment.Leaves, firstLeaf, leaves, proof);
        return proof;
    }

    public void ReadShard(long offset, Span<byte> destination) => Bytes.AsSpan((int)offset, destination.Length).CopyTo(destination);

    public void ReadSidecar(long offset, Span<byte> destination) => _sidecar.AsSpan((int)offset, destination.Length).CopyTo(destination);
}
