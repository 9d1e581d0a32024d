using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Benchmarks.Coding;

/// <summary>
/// The erasure code beside libisal: the same matrix, the same bytes in the same buffers, results compared.
/// Encoding: one stripe of 16 KiB cells, laid out as the encoder has it, over and over: filled a moment ago, so in the second-level cache.
/// Rebuilding: 4 KiB of each column, which is what the first-level cache holds.
/// </summary>
internal static class ErasureBenchmark
{
    /// <summary>Bytes that go in per measurement.</summary>
    private const long Bytes = 1L << 30;

    private const int PieceBytes = 4096;

    public static void Run(IDictionary<string, double?> figures)
    {
        if (!IsaL.IsHere) Console.Error.WriteLine("libisal is missing: install libisal2");
        Encode(figures, "rsEncode_4of6", new Redundancy(4, 6));
        Encode(figures, "rsEncode_10of30", new Redundancy(10, 30));
        Rebuild(figures, "rsRebuild1_10of30", new Redundancy(10, 30));
    }

    private static unsafe void Encode(IDictionary<string, double?> figures, string name, Redundancy redundancy)
    {
        int k = redundancy.Needed;
        var code = new ErasureCode(redundancy);
        var stripe = new StripeCells(redundancy.Shards);
        nint[] cells = new nint[redundancy.Shards];
        stripe.Pointers(0, cells);
        for (int i = 0; i < k; i++) Random(ShardGeometry.CellBytes).CopyTo(stripe.Cell(i, ShardGeometry.CellBytes));
        byte[] tables = IsaL.IsHere ? IsaL.ParityTables(k, redundancy.Shards) : [];
        Compare(
            figures, name, k * ShardGeometry.CellBytes,
            () => code.Encode(stripe, ShardGeometry.CellBytes),
            () => IsaL.Encode(tables, ShardGeometry.CellBytes, cells.AsSpan(0, k), cells.AsSpan(k)),
            () => [.. Enumerable.Range(k, code.ParityColumns).SelectMany(i => stripe.Cell(i, ShardGeometry.CellBytes).ToArray())]);
    }

    private static unsafe void Rebuild(IDictionary<string, double?> figures, string name, Redundancy redundancy)
    {
        int k = redundancy.Needed;
        int[] columns = [.. Enumerable.Range(1, redundancy.Shards - 1).Where(column => column % 2 == 1).Take(k)];
        ErasurePlan plan = new ErasureCode(redundancy).PlanRebuild(columns, 0);

        // The factors are what the plan makes of a one in each column.
        byte[] row = new byte[k];
        for (int i = 0; i < k; i++)
        {
            byte[] unit = new byte[k];
            unit[i] = 1;
            plan.Apply(unit, row.AsSpan(i, 1));
        }

        byte[] tables = IsaL.IsHere ? IsaL.Tables(k, 1, row) : [];
        var stripe = new StripeCells(k + 1);
        nint[] cells = [.. Enumerable.Range(0, k + 1).Select(i => FirstOf(stripe, i))];
        for (int i = 0; i < k; i++) Random(PieceBytes).CopyTo(stripe.Cell(i, PieceBytes));
        Compare(
            figures, name, k * PieceBytes,
            () =>
            {
                fixed (nint* pointers = cells) plan.Apply((byte**)pointers, (byte**)pointers + k, PieceBytes);
            },
            () => IsaL.Encode(tables, PieceBytes, cells.AsSpan(0, k), cells.AsSpan(k)),
            () => stripe.Cell(k, PieceBytes).ToArray());
    }

    private static nint FirstOf(StripeCells stripe, int column)
    {
        Span<nint> pointer = stackalloc nint[1];
        stripe.Pointers(column, pointer);
        return pointer[0];
    }

    private static void Compare(IDictionary<string, double?> figures, string name, int bytes, Action ours, Action theirs, Func<byte[]> result)
    {
        int turns = (int)(Bytes / bytes);
        double[] seconds = IsaL.IsHere ? Interleaved.Seconds(Repeat(ours, turns), Repeat(theirs, turns)) : Interleaved.Seconds(Repeat(ours, turns));
        if (IsaL.IsHere)
        {
            ours();
            byte[] expected = result();
            theirs();
            if (!expected.AsSpan().SequenceEqual(result())) throw new InvalidDataException($"{name}: libisal computes other bytes.");
        }

        figures[$"{name}_vs_isal"] = IsaL.IsHere ? seconds[1] / seconds[0] : null;
        figures[$"{name}_GBps"] = (double)turns * bytes / seconds[0] / 1e9;
    }

    private static Action Repeat(Action action, int turns) => () =>
    {
        for (int i = 0; i < turns; i++) action();
    };

    private static byte[] Random(int bytes)
    {
        byte[] cell = new byte[bytes];
        System.Random.Shared.NextBytes(cell);
        return cell;
    }
}
