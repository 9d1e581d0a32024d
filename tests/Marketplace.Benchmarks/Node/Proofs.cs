using System.Diagnostics;
using Marketplace.Benchmarks.Coding;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Node;
using Marketplace.Storage;

namespace Marketplace.Benchmarks.Node;

/// <summary>A period's proof over 10,000 shards, a tebibyte of them, read from the disk: ledger from the records, draws, leaves and paths, checked.</summary>
internal static class Proofs
{
    private const int Shards = 10_000;
    private const long TotalBytes = 1L << 40;
    private const long Leaves = TotalBytes / Shards / MerkleTree.LeafBytes;
    private const ulong RangeUnits = 1_000;
    private const int WarmUp = 3;
    private const int Periods = 21;

    public static async Task RunAsync(string folder, Dictionary<string, double?> figures)
    {
        IReadOnlyList<ShardCommitment> shards = await SparseDepot.MakeAsync(folder, Shards, Leaves, default);
        await using ShardDepot depot = await ShardDepot.OpenAsync(new DepotOptions(folder, long.MaxValue), TimeProvider.System, CancellationToken.None);
        depot.Catalogue.ReplaceLedger([.. shards.Select((shard, i) => new LedgerRange(
            (ulong)i * RangeUnits, RangeUnits, shard, new PeriodNumber(1), new PeriodNumber(PeriodNumber.ValueMax)))]);
        SparseDepot.Forget(folder);

        double[] milliseconds = new double[Periods];
        double[] mebibytes = new double[Periods];
        for (int i = -WarmUp; i < Periods; i++)
        {
            var period = new PeriodNumber((uint)(100 + i));
            byte[] seed = new byte[Challenges.StoredSeedBytes];
            new Random(i).NextBytes(seed);
            var context = new ChallengeContext(1, default, new NodeId(1), period, Challenges.SeedOf(seed), Shards * RangeUnits);
            long began = Stopwatch.GetTimestamp();
            PeriodProof proof = await PeriodProof.MakeAsync(context, Challenges.LiveDraws, depot.Catalogue.Ledger(), depot, CancellationToken.None);
            double took = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
            if (proof is not PeriodProof.Made made) throw new InvalidDataException($"No proof was made: {proof}");
            if (i >= 0) (milliseconds[i], mebibytes[i]) = (took, made.BytesRead / (double)(1 << 20));
        }

        figures["proofMs_10000shards"] = Math.Round(Interleaved.Median(milliseconds), 1);
        figures["proofReadMiB_10000shards"] = Math.Round(mebibytes.Max(), 3);
        await Console.Error.WriteLineAsync($"proof      median {Interleaved.Median(milliseconds):0.0} ms, longest {milliseconds.Max():0.0} ms, {mebibytes.Max():0.000} MiB read");
    }
}
