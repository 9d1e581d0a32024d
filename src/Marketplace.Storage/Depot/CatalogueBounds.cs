using System.Diagnostics;
using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Storage;

/// <summary>
/// What is known about the catalogue's rows without reading them all: enough to say "nothing to do" each second, and "there is room" at
/// each upload, whatever their number. Each value errs to the side on which the rows are read after all. Told after each commit.
/// </summary>
internal sealed class CatalogueBounds
{
    /// <summary>Share of the time that may go into counting again and again what is lent, beyond <see cref="s_countDebtMax"/>.</summary>
    private const double CountShareMax = 0.1;
    private static readonly TimeSpan s_countDebtMax = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Lock _countLock = new();
    private (DateTimeOffset Expiry, BlockNumber Deadline)? _earliest;
    private Dictionary<Address, long>? _lentTo;
    private Dictionary<Address, long>? _lentWhileCounting;
    private long _lent;
    private long _countedAtFrees;
    private long _countedAt;
    private TimeSpan _countDebt;
    private long _frees;
    private (PeriodNumber KeepFrom, long Frees)? _noneUnneeded;

    /// <summary>An upload was recorded; what it replaces may have been freed.</summary>
    public void Added(Address client, long leaves, DateTimeOffset expiresAt, bool replaces)
    {
        lock (_lock)
        {
            Lend(_lentTo, client, leaves);
            Lend(_lentWhileCounting, client, leaves);
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

    /// <summary>
    /// What is lent to a client and to all, or more: what was freed since the last count may be in it, if counting takes so long that it is
    /// not done each time. Nobody but who asks waits for it.
    /// </summary>
    public (long Client, long All) Lent(Address client, Func<Dictionary<Address, long>> count)
    {
        if (Known(client) is { } known) return known;
        // One counts; who waited for that has a fresh one then.
        lock (_countLock)
        {
            if (Known(client) is { } counted) return counted;
            long began = Stopwatch.GetTimestamp();
            long frees;
            lock (_lock)
            {
                frees = _frees;
                _lentWhileCounting = [];
            }

            try
            {
                Dictionary<Address, long> lent = count();
                lock (_lock)
                {
                    foreach ((Address whom, long leaves) in _lentWhileCounting) Lend(lent, whom, leaves);
                    (_lentTo, _lent, _countedAtFrees) = (lent, lent.Values.Sum(), frees);
                    _countDebt = DebtNow() + Stopwatch.GetElapsedTime(began);
                    _countedAt = Stopwatch.GetTimestamp();
                    return (lent.GetValueOrDefault(client), _lent);
                }
            }
            finally
            {
                lock (_lock) _lentWhileCounting = null;
            }
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

    /// <summary>What is lent, unless it is to be counted.</summary>
    private (long Client, long All)? Known(Address client)
    {
        lock (_lock)
        {
            bool isOld = _countedAtFrees != _frees && DebtNow() < s_countDebtMax;
            return _lentTo is null || isOld ? null : (_lentTo.GetValueOrDefault(client), _lent);
        }
    }

    /// <summary>Time that went into counting and was not waited for yet.</summary>
    private TimeSpan DebtNow()
    {
        TimeSpan left = _countDebt - (Stopwatch.GetElapsedTime(_countedAt) * CountShareMax);
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    private static void Lend(Dictionary<Address, long>? lent, Address client, long leaves)
    {
        if (lent is not null) lent[client] = lent.GetValueOrDefault(client) + leaves;
    }
}
