using System.Globalization;
using Marketplace.Chain.Contracts;
using Marketplace.Chain.Transactions;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Storage;
using Microsoft.Extensions.Logging;

namespace Marketplace.Node;

/// <summary>What a node does when something went wrong, or when somebody asks whether it did: answers, tells losses, cures.</summary>
internal sealed partial class FaultDuties(NodeChain chain, ShardDepot depot, ILogger<FaultDuties> log)
{
    /// <summary>The root of a lost shard whose loss could not be told.</summary>
    public const string UntoldFact = "lossUntold";

    /// <summary>Other shards on a volume that are tried before all of it counts as away.</summary>
    private const int ProbesMax = 3;

    /// <summary>Losses that are told at the same time.</summary>
    private const int TellsAtOnceMax = 16;

    /// <summary>Shows the leaf that was asked for.</summary>
    /// <returns>The shard that cannot be shown; null if all is well.</returns>
    public async Task<PeriodProof.ShardLost?> AnswerAsync(Question question, CancellationToken token)
    {
        DealView deal = await chain.Contracts.Lens.DealAsync(question.Deal.ToWord(), token: token);
        SlotView? slot = Array.Find(deal.Slots, candidate => candidate.Index == question.Slot);
        // Whoever holds the slot now is not who was asked.
        if (slot is null || slot.Node != chain.Node.Value || slot.Leaves == 0) return null;
        var shard = new ShardCommitment(slot.Root, (long)slot.Leaves);
        (byte[]? opening, bool isWrong, bool isAway) = await OpenLeafAsync(shard, question.Leaf, token);
        if (opening is null) return new PeriodProof.ShardLost(shard, question.Leaf, isWrong, isAway);
        try
        {
            await chain.Contracts.StorageMarket.AnswerAsync(question.Deal.ToWord(), (byte)question.Slot, question.Asker, opening, token: token);
            LogAnswered(question.Leaf, question.Slot, question.Deal);
        }
        catch (ContractRevertException e) when (e.Error is StorageMarketNoAskError)
        {
            // Anybody may answer, and somebody did; or the question was taken back.
        }

        return null;
    }

    /// <summary>
    /// Tells the loss of a shard for each slot that it was promised for, if the evidence is good enough. A leaf that could not be shown is
    /// read once more before that, with a tree made anew if that was what is wrong: if it can be shown now, nothing was lost. A loss that
    /// keeps the proof back spoils the period, and only one spoilt period in a row is no strike: so what else is lost beside it is told in
    /// the same period.
    /// </summary>
    /// <param name="lost">What could not be shown.</param>
    /// <param name="periodsMissed">Periods without a proof that count as strikes already; 0 if this shard keeps no proof back.</param>
    /// <param name="period">The present period.</param>
    /// <param name="ledger">The ledger as it was read last, written down or not.</param>
    /// <param name="token">Cancels.</param>
    /// <exception cref="IOException">The evidence is not good enough: somebody has to look.</exception>
    public async Task TellAsync(PeriodProof.ShardLost lost, uint periodsMissed, PeriodNumber period, IReadOnlyList<LedgerRange> ledger, CancellationToken token)
    {
        Root root = lost.Shard.Root;
        bool areOthersReadable = await AreOthersReadableAsync(root, ledger, token);
        if (lost.Leaf is { } leaf)
        {
            // What failed once may have been a cable; and what is asked last is the shard that is accused.
            (byte[]? opening, bool isWrong, bool isAway) = await OpenLeafAsync(lost.Shard, leaf, token);
            if (opening is null && !isAway && await TryMendTreeAsync(root, pace: null, token)) (opening, isWrong, isAway) = await OpenLeafAsync(lost.Shard, leaf, token);
            if (opening is not null)
            {
                LogReadable(root);
                return;
            }

            lost = lost with { IsWrong = isWrong, IsAway = isAway };
        }

        if (!LossPolicy.ShouldTell(new LossEvidence(lost.IsWrong, lost.IsAway, areOthersReadable, periodsMissed)))
        {
            throw new IOException(string.Create(
                CultureInfo.InvariantCulture, $"The shard {root} is away or gone, and what lies beside it cannot be read either: period {period} cannot be proved while it is drawn."));
        }

        await DeclareAsync(root, period, ledger, token);
        if (lost.Leaf is null) return;
        await Parallel.ForEachAsync(
            await FindLostBesideAsync(lost, ledger, token),
            new ParallelOptions { MaxDegreeOfParallelism = TellsAtOnceMax, CancellationToken = token },
            async (other, stop) => await DeclareAsync(other, period, ledger, stop));
    }

    /// <summary>Shows that the node still holds what nobody took over, and goes on.</summary>
    /// <param name="context">What is drawn by.</param>
    /// <param name="ledger">The ledger as it was read last, written down or not.</param>
    /// <param name="token">Cancels.</param>
    public async Task<PeriodProof> CureAsync(ChallengeContext context, IReadOnlyList<LedgerRange> ledger, CancellationToken token)
    {
        PeriodProof proof = await PeriodProof.MakeAsync(context, Challenges.CureDraws, ledger, depot, token);
        if (proof is not PeriodProof.Made made) return proof;
        await chain.Contracts.StorageMarket.CureAsync(chain.Node.Value, made.Bytes, token: token);
        LogCured(context.Period.Value);
        return proof;
    }

    private async Task DeclareAsync(Root root, PeriodNumber period, IReadOnlyList<LedgerRange> ledger, CancellationToken token)
    {
        foreach (LedgerRange range in ledger.Where(range => range.Shard.Root == root && range.Until > period + 1))
        {
            if (await chain.FindSlotAsync(range, token) is not var (deal, slot))
            {
                // The chain's state has no way from a range to its deal; only the event of its filling has.
                depot.Catalogue.SetFact(UntoldFact, root.ToString());
                LogNotFound(root, range.From.Value - 1);
                continue;
            }

            try
            {
                await chain.Contracts.StorageMarket.DeclareLossAsync(deal.ToWord(), (byte)slot, token: token);
                LogTold(root, slot, deal);
                if (depot.Catalogue.Fact(UntoldFact) == root.ToString()) depot.Catalogue.SetFact(UntoldFact, "");
            }
            catch (ContractRevertException e) when (e.Error is StorageMarketWrongStateError or StorageMarketNotOpenError or StorageMarketNotNodeError)
            {
                // The slot is not this node's any more, or the deal is over.
            }
        }
    }

    /// <summary>
    /// What lies on the same volume and cannot be shown either, one leaf of each. All of a volume that is away goes only if something
    /// elsewhere is left for which the node stays: else being evicted and cured when the disk is back costs less.
    /// </summary>
    private async Task<List<Root>> FindLostBesideAsync(PeriodProof.ShardLost lost, IReadOnlyList<LedgerRange> ledger, CancellationToken token)
    {
        var found = new List<Root>();
        if (depot.Catalogue.Place(lost.Shard.Root)?.Volume is not { } volume) return found;
        ShardCommitment[] others = [.. ledger.Select(range => range.Shard).DistinctBy(shard => shard.Root).Where(shard => shard.Root != lost.Shard.Root)];
        ILookup<bool, ShardCommitment> isBeside = others.ToLookup(shard => depot.Catalogue.Place(shard.Root)?.Volume == volume);
        if (lost.IsAway && !await IsAnyReadableAsync(isBeside[false], token)) return found;
        foreach (ShardCommitment shard in isBeside[true])
        {
            if (!await IsShownAsync(shard, token) && !await TryMendTreeAsync(shard.Root, pace: null, token)) found.Add(shard.Root);
        }

        return found;
    }

    /// <summary>Whether a leaf at random can be shown, at the second try if not at the first.</summary>
    private async Task<bool> IsShownAsync(ShardCommitment shard, CancellationToken token)
    {
        long leaf = Random.Shared.NextInt64(shard.Leaves);
        return (await OpenLeafAsync(shard, leaf, token)).Opening is not null || (await OpenLeafAsync(shard, leaf, token)).Opening is not null;
    }

    /// <summary>Makes a shard's tree anew if its bytes are right and that was what is wrong. False if not, or if the disk does not take it now.</summary>
    /// <param name="root">The shard.</param>
    /// <param name="pace">Told before each piece how many bytes are read; null reads as fast as the storage gives.</param>
    /// <param name="token">Cancels.</param>
    public async Task<bool> TryMendTreeAsync(Root root, Func<int, CancellationToken, ValueTask>? pace, CancellationToken token)
    {
        try
        {
            if (!await depot.MendTreeAsync(root, pace, token)) return false;
            LogMended(root);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private async Task<(byte[]? Opening, bool IsWrong, bool IsAway)> OpenLeafAsync(ShardCommitment shard, long leaf, CancellationToken token)
    {
        try
        {
            using IShardContent? content = await depot.OpenAsync(shard.Root, token);
            if (content is null) return (null, false, false);
            byte[] opening = new byte[MerkleTree.LeafBytes + (MerkleTree.Depth(shard.Leaves) * MerkleTree.HashBytes)];
            ChallengeProof.WriteLeafAndPath(content, shard.Leaves, leaf, opening);
            bool isRight = ChallengeProof.VerifyLeaf(shard, leaf, opening);
            return (isRight ? opening : null, !isRight, false);
        }
        catch (IOException e)
        {
            return (null, false, e is StorageAwayException || await depot.IsAwayAsync(shard.Root, token));
        }
    }

    private async Task<bool> AreOthersReadableAsync(Root lost, IReadOnlyList<LedgerRange> ledger, CancellationToken token)
    {
        // A lost record leaves only all the rest to compare with.
        int? volume = depot.Catalogue.Place(lost)?.Volume;
        IEnumerable<ShardCommitment> beside = ledger.Select(range => range.Shard)
            .Where(shard => shard.Root != lost && (volume is null || depot.Catalogue.Place(shard.Root)?.Volume == volume));
        return await IsAnyReadableAsync(beside.DistinctBy(shard => shard.Root), token);
    }

    private async Task<bool> IsAnyReadableAsync(IEnumerable<ShardCommitment> shards, CancellationToken token)
    {
        foreach (ShardCommitment shard in shards.Take(ProbesMax))
        {
            if ((await OpenLeafAsync(shard, 0, token)).Opening is not null) return true;
        }

        return false;
    }

    [LoggerMessage(2111, LogLevel.Information, "Showed leaf {Leaf} of slot {Slot} of deal {Deal} to whoever asked")]
    private partial void LogAnswered(long leaf, int slot, DealId deal);

    [LoggerMessage(2112, LogLevel.Error, "Told the loss of the shard {Root}, slot {Slot} of deal {Deal}")]
    private partial void LogTold(Root root, int slot, DealId deal);

    [LoggerMessage(2116, LogLevel.Warning, "The shard {Root} could not be read, and can be read again: nothing is told")]
    private partial void LogReadable(Root root);

    [LoggerMessage(2117, LogLevel.Warning, "The tree of the shard {Root} was damaged and its bytes are right: it is made anew")]
    private partial void LogMended(Root root);

    [LoggerMessage(2115, LogLevel.Error, "The loss of the shard {Root} cannot be told: the endpoint has no events of period {Period} any more, so that its deal is not known. Name an endpoint that keeps them")]
    private partial void LogNotFound(Root root, uint period);

    [LoggerMessage(2113, LogLevel.Warning, "Cured in period {Period}: the node was evicted and goes on")]
    private partial void LogCured(uint period);
}
