using System.Buffers;
using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Benchmarks.Coding;

/// <summary>
/// The whole way of a byte in memory, file to shards and back, beside the sum of its steps, each measured alone on the same bytes:
/// what is lost between them is copies, manifests and waiting for memory.
/// </summary>
internal sealed class ChainBenchmark : IDisposable
{
    private const int CorpusBytes = 96 << 20;
    private const int PieceBytes = 256 * 1024;
    private const int RangeBytes = 1 << 20;

    private static readonly Redundancy[] s_redundancies = [new(1, 3), new(4, 6), new(10, 30)];
    private static readonly EntryAttributes s_attributes = new(1, DateTimeOffset.UnixEpoch);

    private readonly IReadOnlyList<CorpusFile> _files;
    private readonly BundleKey _key = BundleKey.CreateDerived(new MasterKey(new byte[MasterKey.SizeBytes]));
    private readonly ArrayBufferWriter<byte> _sink = new(8 << 20);

    private ChainBenchmark(IReadOnlyList<CorpusFile> files) => _files = files;

    public static void Run(IDictionary<string, double?> figures)
    {
        using (var mixed = new ChainBenchmark(MixedCorpus.Create(CorpusBytes))) mixed.RunMixed(figures);
        var random = new Random(3);
        using var noise = new ChainBenchmark([.. Enumerable.Range(0, 8).Select(i =>
        {
            byte[] content = new byte[8 << 20];
            random.NextBytes(content);
            return new CorpusFile($"{i}", content);
        })]);
        noise.RunIncompressible(figures);
    }

    public void Dispose() => _key.Dispose();

    private void RunMixed(IDictionary<string, double?> figures)
    {
        byte[] bundle = Bundle(new Redundancy(4, 6));
        using var steps = new ChainSteps(_key, _files, bundle);
        var read = new ReadChain(_key, bundle, new Redundancy(4, 6), RangeBytes);
        Action[] actions =
        [
            .. s_redundancies.Select(redundancy => (Action)(() => Chain(redundancy, ChunkCompressor.LevelDefault))),
            steps.Cut, steps.Compress, steps.Seal,
            .. s_redundancies.Select(redundancy => steps.Encode(redundancy)),
            .. s_redundancies.Select(redundancy => steps.Hash(redundancy)),
            read.Whole, read.Verify, read.Decode, read.Open, read.Decompress,
        ];
        double[] seconds = Interleaved.Seconds(actions);
        long bytes = _files.Sum(file => (long)file.Content.Length);
        double sealing = seconds[3] + seconds[4] + seconds[5];
        string[] names = ["chain_1of3", "chain_4of6", "chain_10of30"];
        for (int i = 0; i < names.Length; i++)
        {
            figures[$"{names[i]}_of_sum"] = (sealing + seconds[6 + i] + seconds[9 + i]) / seconds[i];
            figures[$"{names[i]}_GBps"] = bytes / seconds[i] / 1e9;
        }

        figures["readChain_of_sum"] = (seconds[13] + seconds[14] + seconds[15] + seconds[16]) / seconds[12];
        figures["readChain_GBps"] = bytes / seconds[12] / 1e9;
        figures["chunker_share"] = seconds[3] / seconds[1];
        figures["step_cut_GBps"] = bytes / seconds[3] / 1e9;
        figures["step_compress_GBps"] = bytes / seconds[4] / 1e9;
        figures["step_seal_GBps"] = bundle.Length / seconds[5] / 1e9;
        figures["step_encode4of6_GBps"] = bundle.Length / seconds[7] / 1e9;
        figures["step_hash4of6_GBps"] = bundle.Length * 1.5 / seconds[10] / 1e9;
        figures["step_verify_GBps"] = bundle.Length / seconds[13] / 1e9;
        figures["step_decode_GBps"] = bundle.Length / seconds[14] / 1e9;
        figures["step_open_GBps"] = bundle.Length / seconds[15] / 1e9;
        figures["step_decompress_GBps"] = bytes / seconds[16] / 1e9;
        figures["corpus_compressedTo"] = (double)bundle.Length / bytes;
    }

    private void RunIncompressible(IDictionary<string, double?> figures)
    {
        var redundancy = new Redundancy(4, 6);
        double[] seconds = Interleaved.Seconds(
            () => Chain(redundancy, ChunkCompressor.LevelDefault),
            () => Chain(redundancy, ChunkCompressor.LevelNone));
        figures["incompressible_of_raw"] = seconds[1] / seconds[0];
    }

    /// <summary>File bytes to shard bytes and roots.</summary>
    private void Chain(Redundancy redundancy, int level)
    {
        using var encoder = new ShardEncoder(new ErasureCode(redundancy));
        Write(redundancy, level, bytes =>
        {
            while (!bytes.IsEmpty)
            {
                bytes = bytes[encoder.Append(bytes)..];
                if (encoder.HasCells) encoder.Release();
            }
        });
        encoder.Finish();
    }

    private byte[] Bundle(Redundancy redundancy)
    {
        var bundle = new ArrayBufferWriter<byte>();
        Write(redundancy, ChunkCompressor.LevelDefault, bytes => bundle.Write(bytes));
        return bundle.WrittenSpan.ToArray();
    }

    private void Write(Redundancy redundancy, int level, Drain drain)
    {
        using var writer = new BundleWriter(_key, ShardGeometry.BundleUnit(redundancy), _sink, level);
        foreach (CorpusFile file in _files)
        {
            writer.BeginFile(EntryName.Parse(file.Name), s_attributes);
            for (int at = 0; at < file.Content.Length; at += PieceBytes)
            {
                writer.Write(file.Content.AsSpan(at, Math.Min(PieceBytes, file.Content.Length - at)));
                Empty(drain);
            }

            writer.CompleteFile();
        }

        while (!writer.CompleteStep(out _)) Empty(drain);
        Empty(drain);
    }

    private void Empty(Drain drain)
    {
        drain(_sink.WrittenSpan);
        _sink.ResetWrittenCount();
    }

    private delegate void Drain(ReadOnlySpan<byte> bytes);
}
