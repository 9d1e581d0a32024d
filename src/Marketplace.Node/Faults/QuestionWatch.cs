using Marketplace.Chain.Contracts;
using Marketplace.Chain.Eth;
using Marketplace.Domain;

namespace Marketplace.Node;

/// <summary>
/// Knows the questions that this node has to answer. A question is due a period after it was asked, so that two periods of blocks tell
/// all of them: nothing is kept that a restart would miss.
/// </summary>
internal sealed class QuestionWatch(NodeChain chain, uint reorgBlocks)
{
    private readonly Dictionary<(DealId Deal, int Slot, Address Asker), Question> _seen = [];
    private BlockNumber? _readTo;

    /// <summary>The open questions, the most urgent first.</summary>
    public async Task<IReadOnlyList<Question>> ReadAsync(BlockNumber tip, CancellationToken token)
    {
        PeriodNumber period = chain.Facts.Schedule.PeriodOf(tip);
        BlockNumber first = chain.Facts.Schedule.FirstBlock(new PeriodNumber(period.Value == 0 ? 0 : period.Value - 1));
        // What a reorganisation may have changed is read again.
        if (_readTo is { } read && read.Value > first.Value + reorgBlocks && read <= tip) first = new BlockNumber(read.Value - reorgBlocks);
        foreach (EventLog<AskedEvent> asked in await chain.EventsAsync(chain.Contracts.StorageMarket.AskedEvents, chain.Node, first, tip, token))
        {
            AskedEvent e = asked.Event;
            var question = new Question(DealId.FromWord(e.Id), e.Slot, e.Asker, (long)e.Leaf, new PeriodNumber(e.Due));
            _seen[(question.Deal, question.Slot, question.Asker)] = question;
        }

        _readTo = tip;
        var open = new List<Question>();
        foreach ((var key, Question question) in _seen.ToArray())
        {
            bool isOpen = question.Due >= period && await IsOpenAsync(question, token);
            if (isOpen) open.Add(question);
            else _seen.Remove(key);
        }

        open.Sort((left, right) => left.Due.CompareTo(right.Due));
        return open;
    }

    /// <summary>A question that was answered, withdrawn or convicted on is closed on chain.</summary>
    private async Task<bool> IsOpenAsync(Question question, CancellationToken token)
    {
        (ulong leaf, uint due) = await chain.Contracts.Lens.QuestionAsync(question.Deal.ToWord(), (byte)question.Slot, question.Asker, token: token);
        return due == question.Due.Value && leaf == (ulong)question.Leaf;
    }
}
