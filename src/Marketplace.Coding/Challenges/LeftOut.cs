namespace Marketplace.Coding;

/// <summary>Dead ranges that were drawn once and that the later draws of the same period pass over: docs/formats/proof.md.</summary>
internal sealed class LeftOut
{
    private readonly List<(ulong Start, ulong Length)> _ranges = [];

    /// <summary>Positions in all of them.</summary>
    public ulong Total { get; private set; }

    /// <summary>The ledger position of a place in what is left of the ledger.</summary>
    public ulong ToLedger(ulong place)
    {
        foreach ((ulong start, ulong length) in _ranges)
        {
            if (place < start) break;
            place += length;
        }

        return place;
    }

    /// <summary>Leaves out a range that is not left out yet.</summary>
    public void Add(LedgerRange range)
    {
        int at = _ranges.FindIndex(other => other.Start > range.Start);
        _ranges.Insert(at < 0 ? _ranges.Count : at, (range.Start, range.Length));
        Total += range.Length;
    }
}
