using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Storage;

/// <summary>
/// What is known about the catalogue's rows without reading them all: enough to say "nothing to do" each second, and "there is room" at
/// each upload, whatever their number. Each value errs to the side on which the rows are read after all. Told after each commit.
/// </summary>
internal sealed class CatalogueBounds
{
    private readonly Lock _lock = new();
    private (DateTimeOffset Expiry, BlockNumber Deadline)? _earliest;
    private long? _lent;
    private long _frees;
    private (PeriodNumber KeepFrom, long Frees)? _noneUnneeded;

    /// <summary>Leaves lent to uploads without a deal, or more; null if they are to be counted.</summary>
    public long? LentAtMost
    {
        get
        {
            lock (_lock) return _lent;
        }
    }

    /// <summary>An upload was recorded; what it replaces may have been freed.</summary>
    public void Added(long leaves, DateTimeOffset expiresAt, bool replaces)
    {
        lock (_lock)
        {
            _lent += leaves;
            if (_earliest is { } earliest && expiresAt < earliest.Expiry) _earliest = earliest with { Expiry = expiresAt };
            if (replaces) _frees++;
        }
    }

    /// <summary>An upload was promised.</summary>
    public void Promised(BlockNumber deadline)
    {
        lock (_lock)
        {
            if (_earliest is { } earliest && deadline < earliest.Deadline) _earliest = earliest with { Deadline = deadline };
        }
    }

    /// <summary>An upload was forgotten.</summary>
    public void Freed()
    {
        lock (_lock) _frees++;
    }

    /// <summary>The ledger names other shards now.</summary>
    public void LedgerReplaced()
    {
        lock (_lock)
        {
            _lent = null;
            _frees++;
        }
    }

    /// <summary>Whether no upload can be due yet.</summary>
    public bool IsNothingDue(DateTimeOffset now, BlockNumber block, Func<(DateTimeOffset Expiry, BlockNumber Deadline)> read)
    {
        // Who records an upload meanwhile tells it afterwards, and waits here until the rows are read.
        lock (_lock)
        {
            if (_earliest is { } known && now < known.Expiry && block <= known.Deadline) return true;
            (DateTimeOffset expiry, BlockNumber deadline) = read();
            _earliest = (expiry, deadline);
            return now < expiry && block <= deadline;
        }
    }

    /// <summary>Counts what is lent, and remembers it.</summary>
    public (long Client, long All) CountLent(Func<(long Client, long All)> count)
    {
        lock (_lock)
        {
            (long client, long all) = count();
            _lent = all;
            return (client, all);
        }
    }

    /// <summary>Looks for shards that nobody needs, unless there were none and nothing was freed since.</summary>
    public IReadOnlyList<ShardCommitment> FindUnneeded(PeriodNumber keepFrom, Func<IReadOnlyList<ShardCommitment>> find)
    {
        long frees;
        lock (_lock)
        {
            frees = _frees;
            if (_noneUnneeded is { } none && none.Frees == frees && keepFrom <= none.KeepFrom) return [];
        }

        IReadOnlyList<ShardCommitment> found = find();
        lock (_lock)
        {
            if (found.Count == 0) _noneUnneeded = (keepFrom, frees);
        }

        return found;
    }
}
