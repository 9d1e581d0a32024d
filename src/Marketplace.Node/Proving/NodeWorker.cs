using System.Data.Common;
using System.Globalization;
using System.Runtime.ExceptionServices;
using Marketplace.Chain.Contracts;
using Marketplace.Chain.Rpc;
using Marketplace.Chain.Transactions;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Hosting;
using Marketplace.Storage;
using Microsoft.Extensions.Logging;

namespace Marketplace.Node;

/// <summary>
/// Reads what is true, asks <see cref="NodePlan"/>, does it. It remembers nothing that matters: a restart, a second run or a missed
/// turn changes nothing, because every turn begins with the chain.
/// </summary>
internal sealed partial class NodeWorker(
    NodeChain chain, ShardDepot depot, NodePulse pulse, FaultDuties faults, NodeLimits limits, TimeProvider time, ILogger<NodeWorker> log) : IDisposable
{
    /// <summary>Turns of reading and deciding in one call: one may make the next possible.</summary>
    private const int RoundsMax = 3;

    /// <summary>Expired uploads that are forgotten in one transaction; their strangers may have left many thousands.</summary>
    private const int ExpireBatchMax = 4_096;

    private const string LedgerBlockFact = "ledgerBlock";

    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly uint _reorgBlocks = limits.ReorgBlocksOn(chain.Facts.Scope.ChainId);
    private readonly QuestionWatch _questions = new(chain, limits);
    private readonly SteadyClock _clock = new(time);
    private long _movedAt = time.GetTimestamp();
    private long _distrustedAt = time.GetTimestamp();
    private string? _standstill;
    // The ledger as it was read last, if it could not be written down: a full disk does not keep a node from proving what it has.
    private (BlockNumber Block, IReadOnlyList<LedgerRange> Ranges)? _unwritten;
    private bool _isLedgerDoubtful;
    private TimeSpan _pause;
    private DateTimeOffset _quietUntil;
    private PeriodNumber? _lastProvedHere;
    private BlockNumber? _tipSeen;
    private string? _trouble;

    /// <summary>The ledger as it was read last.</summary>
    private IReadOnlyList<LedgerRange> Ledger => _unwritten?.Ranges ?? depot.Catalogue.Ledger();

    /// <summary>How the last turn ended.</summary>
    public LastTurn Turn { get; } = new();

    /// <summary>Looks at the chain once, so that the first request finds a node that knows it. Does nothing if the chain does not answer.</summary>
    public async Task LookAsync(CancellationToken token)
    {
        try
        {
            await ReadAsync(token);
        }
        catch (RpcException e)
        {
            LogTrouble(e.Message, 0);
        }
    }

    /// <summary>One turn. Returns at once if another is under way, or if the last one failed a moment ago.</summary>
    public async Task TickAsync(CancellationToken token)
    {
        if (!await _turn.WaitAsync(TimeSpan.Zero, token)) return;
        try
        {
            if (_clock.Now < _quietUntil) return;
            await RunAsync(token);
            _pause = TimeSpan.Zero;
        }
        catch (Exception e) when (IsTrouble(e))
        {
            // The world is broken for now: say so, wait a little longer each time, begin anew from what is true then.
            _pause = _pause == TimeSpan.Zero ? TimeSpan.FromSeconds(1) : TimeSpan.FromTicks(Math.Min(_pause.Ticks * 2, limits.RetryPauseMax.Ticks));
            _quietUntil = _clock.Now + _pause;
            _trouble = e.Message;
            // What an endpoint says that means nothing is not asked there again at once.
            if (e is RpcFormatException) chain.Contracts.Web3.Eth.Rpc.DistrustCurrent();
            if (pulse.Now is { } last) pulse.Now = last with { Trouble = _trouble };
            LogTrouble(e.Message, _pause.TotalSeconds);
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();

    /// <summary>What the world does to a node, and not a fault of this program.</summary>
    internal static bool IsTrouble(Exception e) =>
        e is RpcException or ContractRevertException or TransactionTimeoutException or TransactionReplacedException or IOException or DbException or MarketException;

    private async Task RunAsync(CancellationToken token)
    {
        for (int round = 0; round < RoundsMax; round++)
        {
            (NodeSnapshot now, Duty duty) = await ReadAsync(token);
            bool again = false;
            ExceptionDispatchInfo? failure = null;
            IReadOnlyList<NodeAction> plan = [.. NodePlan.Decide(now, limits, _reorgBlocks)];
            foreach (NodeAction action in plan)
            {
                try
                {
                    again |= await DoAsync(action, now, duty, token);
                }
                catch (Exception e) when (IsTrouble(e))
                {
                    // One thing that cannot be done does not keep the node from the others.
                    failure ??= ExceptionDispatchInfo.Capture(e);
                }
            }

            failure?.Throw();
            bool isProved = now.Duty.IsProved || !now.Duty.HasSomething;
            Turn.Ended(now.Duty.Period, now.Tip, isIdle: plan.Count == 0 && isProved && now.EvictedFrom is null);
            if (!again) break;
        }

        _trouble = _standstill;
    }

    private async Task<(NodeSnapshot Now, Duty Duty)> ReadAsync(CancellationToken token)
    {
        BlockNumber tip = await chain.TipAsync(token);
        WatchForStandstill(tip);
        Duty duty = await chain.DutyAsync(tip, token);
        Standing standing = await chain.StandingAsync(token);
        if (pulse.Now is not { } last || last.Tip != tip)
        {
            pulse.Now = new Pulse(tip, time.GetUtcNow(), standing, await chain.RegisteredAsync(token), _lastProvedHere, _trouble);
        }
        else
        {
            pulse.Now = last with { SeenAt = time.GetUtcNow(), Standing = standing, LastProvedHere = _lastProvedHere, Trouble = _trouble };
        }

        BlockNumber? ledger = _isLedgerDoubtful ? null
            : _unwritten?.Block ?? (BlockNumber.TryParse(depot.Catalogue.Fact(LedgerBlockFact), null, out BlockNumber read) ? read : null);
        bool touched = ledger is { } since && await chain.IsLedgerTouchedAsync(since, tip, token);
        BlockNumber cutoff = NodePlan.PromiseCutoff(ledger ?? default, _reorgBlocks);
        PeriodNumber keepFrom = NodePlan.KeepFrom(chain.Facts.Schedule, tip, _reorgBlocks);
        bool hasSeed = duty.Seed.AsSpan().ContainsAnyExcept((byte)0);
        bool isPinned = hasSeed && tip.Value >= duty.FirstBlock + limits.PinAfterBlocks &&
            (await chain.Contracts.Lens.PeriodAsync(duty.Period, token: token)).Seed.AsSpan().ContainsAnyExcept((byte)0);
        var now = new NodeSnapshot(
            chain.Facts.Schedule,
            chain.Node,
            tip,
            new PeriodDuty(new PeriodNumber(duty.Period), hasSeed, isPinned, duty.Proved, duty is { Barred: false, Rate: > 0 }),
            ledger,
            touched,
            // Nothing is let go by records that are older than the ledger.
            _unwritten is null && depot.Catalogue.DueUploads(time.GetUtcNow(), cutoff, countMax: 1).Count > 0,
            _unwritten is null && depot.Catalogue.Unneeded(keepFrom, 1).Count > 0,
            standing.Rate > 0 ? await _questions.ReadAsync(tip, token) : [],
            // A node whose slots were all taken over has nothing left to cure with.
            standing is { Evicted: true, Rate: > 0 } && duty.Period < standing.Out + chain.Facts.CurePeriods ? new PeriodNumber(standing.Out) : null);
        return (now, duty);
    }

    /// <summary>An endpoint that answers and never tells of a new block is worse than one that is away: nothing else finds it out.</summary>
    private void WatchForStandstill(BlockNumber tip)
    {
        if (_tipSeen != tip)
        {
            _tipSeen = tip;
            _movedAt = _distrustedAt = time.GetTimestamp();
            _standstill = null;
            return;
        }

        if (time.GetElapsedTime(_distrustedAt) < limits.ChainStandstillMax) return;
        _distrustedAt = time.GetTimestamp();
        chain.Contracts.Web3.Eth.Rpc.DistrustCurrent();
        _standstill = string.Create(
            CultureInfo.InvariantCulture, $"The chain has stood at block {tip} for {time.GetElapsedTime(_movedAt).TotalMinutes:0} minutes. Its next endpoint is asked, if there is one.");
        LogStandstill(_standstill);
    }

    /// <summary>Does one thing. True if it makes sense to look again at once.</summary>
    private async Task<bool> DoAsync(NodeAction action, NodeSnapshot now, Duty duty, CancellationToken token)
    {
        switch (action)
        {
            case NodeAction.ReadLedger:
                IReadOnlyList<LedgerRange> ranges = await chain.LedgerAsync(now.Tip, token);
                try
                {
                    depot.Catalogue.ReplaceLedger(ranges, (LedgerBlockFact, now.Tip.ToString()));
                    _unwritten = null;
                    LogLedger(ranges.Count, now.Tip.Value);
                }
                catch (Exception e) when (e is DbException or IOException)
                {
                    _unwritten = (now.Tip, ranges);
                    LogUnwritten(ranges.Count, now.Tip.Value, e.Message);
                }

                _isLedgerDoubtful = false;
                return true;

            case NodeAction.Prove prove:
                return await ProveAsync(prove.Period, now.Tip, duty, token);

            case NodeAction.Answer answer:
                // Each has a transaction of its own; one that fails keeps no other from it.
                return (await Task.WhenAll(answer.Questions.Select(question => AnswerAsync(question, duty, token)))).Contains(true);

            case NodeAction.Cure cure:
                try
                {
                    PeriodProof proof = await faults.CureAsync(ContextOf(cure.Period, duty), Ledger, token);
                    _isLedgerDoubtful |= proof is PeriodProof.LedgerBehind;
                    return proof is not PeriodProof.Made;
                }
                catch (ContractRevertException e) when (e.Error is StorageMarketWrongRangeError)
                {
                    // Others took slots of an evicted node over since its ledger was read, and no event of its own tells it that.
                    _isLedgerDoubtful = true;
                    return true;
                }

            case NodeAction.PinSeed pin:
                await chain.PinAsync(token);
                LogPinned(pin.Period.Value);
                return false;

            case NodeAction.ExpireUploads:
                DateTimeOffset moment = time.GetUtcNow();
                BlockNumber cutoff = NodePlan.PromiseCutoff(now.Ledger!.Value, _reorgBlocks);
                // What strangers pay nothing for is told to nobody, and takes no turn of a proof: the rest has time.
                return depot.Catalogue.RemoveDueUploads(depot.Catalogue.DueUploads(moment, cutoff, ExpireBatchMax), moment, cutoff) > 0;

            case NodeAction.DropShards drop:
                int dropped = (await depot.DropUnneededAsync(drop.KeepFrom, token)).Count;
                if (dropped > 0) LogDropped(dropped);
                return false;

            default:
                throw new InvalidOperationException($"There is no way to do {action}.");
        }
    }

    private async Task<bool> ProveAsync(PeriodNumber period, BlockNumber tip, Duty duty, CancellationToken token)
    {
        long started = time.GetTimestamp();
        switch (await PeriodProof.MakeAsync(ContextOf(period, duty), Challenges.LiveDraws, Ledger, depot, token))
        {
            case PeriodProof.Made made:
                double madeMs = time.GetElapsedTime(started).TotalMilliseconds;
                ulong blocksLeft = chain.Facts.Schedule.LastBlock(period).Value - tip.Value;
                var deadline = TimeSpan.FromSeconds(Math.Max(1, (double)blocksLeft * chain.Facts.Schedule.BlockSeconds));
                await chain.ProveAsync(period, made.Bytes, deadline, token);
                _lastProvedHere = period;
                LogProved(period.Value, made.Bytes.Length, made.BytesRead, madeMs);
                return true;

            case PeriodProof.ShardLost lost:
                return await TellAsync(lost, duty, token);

            default:
                _isLedgerDoubtful = true;
                return true;
        }
    }

    private async Task<bool> AnswerAsync(Question question, Duty duty, CancellationToken token) =>
        await faults.AnswerAsync(question, token) is { } unanswerable && await TellAsync(unanswerable, duty, token);

    private async Task<bool> TellAsync(PeriodProof.ShardLost lost, Duty duty, CancellationToken token)
    {
        Standing standing = await chain.StandingAsync(token);
        uint missed = duty.Period > standing.StrikesFrom ? duty.Period - standing.StrikesFrom : 0;
        await faults.TellAsync(lost, missed, new PeriodNumber(duty.Period), Ledger, token);
        _isLedgerDoubtful = true;
        return true;
    }

    private ChallengeContext ContextOf(PeriodNumber period, Duty duty) => new(
        chain.Facts.Scope.ChainId, chain.Facts.Scope.Market, chain.Node, period, Challenges.SeedOf(duty.Seed), duty.FrozenLength);

    [LoggerMessage(2001, LogLevel.Information, "Read the ledger: {Ranges} ranges at block {Block}")]
    private partial void LogLedger(int ranges, ulong block);

    [LoggerMessage(2008, LogLevel.Warning, "Read the ledger, {Ranges} ranges at block {Block}, and could not write it down: {Why}")]
    private partial void LogUnwritten(int ranges, ulong block, string why);

    [LoggerMessage(2002, LogLevel.Information, "Proved period {Period} with {ProofBytes} bytes, {ReadBytes} bytes read, made in {Milliseconds:0} ms")]
    private partial void LogProved(uint period, int proofBytes, long readBytes, double milliseconds);

    [LoggerMessage(2003, LogLevel.Information, "Pinned the seed of period {Period}")]
    private partial void LogPinned(uint period);

    [LoggerMessage(2005, LogLevel.Information, "Dropped {Count} shards: nobody needs them any more")]
    private partial void LogDropped(int count);

    [LoggerMessage(2006, LogLevel.Warning, "{Standstill}")]
    private partial void LogStandstill(string standstill);

    [LoggerMessage(2007, LogLevel.Warning, "{Trouble} Trying again in {Seconds} s")]
    private partial void LogTrouble(string trouble, double seconds);
}
