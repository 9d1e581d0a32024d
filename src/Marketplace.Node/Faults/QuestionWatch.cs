using Marketplace.Chain.Contracts;
using Marketplace.Chain.Eth;
using Marketplace.Domain;

namespace Marketplace.Node;

/// <summary>
/// Knows the questions that this node has to answer. A question is due a period after it was asked, so that two periods of blocks tell
/// all of them: nothing is kept that a restart would miss.
/// </summary>
internal sealed class QuestionWatch(NodeChain chain, NodeLimits limits)
{
    private readonly uint _reorgBlocks = limits.ReorgBlocksOn(chain.Facts.Scope.ChainId);
    private readonly Dictionary<(DealId Deal, int Slot, Address Asker), Question> _seen = [];
    private BlockNumber? _readTo;

    /// <summary>The open questions, the most urgent first, as many as are answered in a turn.</summary>
    public async Task<IReadOnlyList<Question>> ReadAsync(BlockNumber tip, CancellationToken token)
    {
        PeriodNumber period = chain.Facts.Schedule.PeriodOf(tip);
        BlockNumber first = chain.Facts.Schedule.FirstBlock(new PeriodNumber(period.Value == 0 ? 0 : period.Value - 1));
        // What a reorganisation may have changed is read again.
        if (_readTo is { } read && read.Value > first.Value + _reorgBlocks && read <= tip) first = new BlockNumber(read.Value - _reorgBlocks);
        foreach (EventLog<AskedEvent> asked in await chain.EventsAsync(chain.Contracts.StorageMarket.AskedEvents, chain.Node, first, tip, token))
        {
            AskedEvent e = asked.Event;
            var question = new Question(DealId.FromWord(e.Id), e.Slot, e.Asker, (long)e.Leaf, new PeriodNumber(e.Due));
            _seen[(question.Deal, question.Slot, question.Asker)] = question;
        }

        _readTo = tip;
        var open = new List<Question>();
        // What is asked about together is answered about together; the rest has its turn.
        foreach (var some in _seen.OrderBy(one => one.Value.Due).ToArray().Chunk(limits.AnswersAtOnceMax))
        {
            bool[] isOpen = await Task.WhenAll(some.Select(async one => one.Value.Due >= period && await IsOpenAsync(one.Value, token)));
            for (int i = 0; i < some.Length; i++)
            {
                if (isOpen[i]) open.Add(some[i].Value);
                else _seen.Remove(some[i].Key);
            }

            if (open.Count >= limits.AnswersAtOnceMax) break;
        }

        return open[..Math.Min(open.Count, limits.AnswersAtOnceMax)];
    }

    /// <summary>A question that was answered, withdrawn or convicted on is closed on chain.</summary>
    private async Task<bool> IsOpenAsync(Question question, CancellationToken token)
    {
        (ulong leaf, uint due) = await chain.Contracts.Lens.QuestionAsync(question.Deal.ToWord(), (byte)question.Slot, question.Asker, token: token);
        return due == question.Due.Value && leaf == (ulong)question.Leaf;
    }
}
