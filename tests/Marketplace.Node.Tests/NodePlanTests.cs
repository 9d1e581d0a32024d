using Marketplace.Domain;

namespace Marketplace.Node.Tests;

public sealed class NodePlanTests
{
    private const uint Reorg = 2;
    private static readonly Schedule s_schedule = new(PeriodBlocks: 20, SeedDelayBlocks: 2, BlockSeconds: 1);
    private static readonly NodeLimits s_limits = new() { PinAfterBlocks = 10, PinSpreadBlocks = 1, CollectEveryPeriods = 4 };

    /// <summary>Block 110 of period 5 (blocks 100 to 119): the seed is known, the ledger was read, there is something to prove.</summary>
    private static readonly NodeSnapshot s_now = new(
        s_schedule,
        new NodeId(7),
        ProofSpread.AllProveFrom(s_schedule, new PeriodNumber(5)),
        new PeriodDuty(new PeriodNumber(5), HasSeed: true, IsPinned: false, IsProved: false, HasSomething: true),
        Ledger: new BlockNumber(101),
        IsLedgerTouched: false,
        UploadsDue: false,
        ShardsUnneeded: false,
        Questions: [],
        EvictedFrom: null);

    [Fact]
    public void A_period_with_a_seed_is_proved() => Assert.Equal([new NodeAction.Prove(new PeriodNumber(5))], Decide(s_now));

    [Fact]
    public void A_proved_period_is_left_alone() => Assert.Empty(Decide(s_now with { Duty = s_now.Duty with { IsProved = true } }));

    [Fact]
    public void Nothing_is_proved_before_the_seed_is_known() => Assert.Empty(Decide(s_now with { Duty = s_now.Duty with { HasSeed = false } }));

    [Fact]
    public void A_node_that_holds_nothing_proves_nothing() => Assert.Empty(Decide(s_now with { Duty = s_now.Duty with { HasSomething = false } }));

    [Fact]
    public void A_thousand_nodes_prove_spread_over_the_first_half_of_the_window()
    {
        var schedule = new Schedule(PeriodBlocks: 7_200, SeedDelayBlocks: 64, BlockSeconds: 12);
        var period = new PeriodNumber(9);
        ulong seed = schedule.SeedBlock(period).Value, half = seed + ((schedule.LastBlock(period).Value - seed) / 2);

        ulong[] starts = [.. Enumerable.Range(1, 1_000).Select(node => ProofSpread.ProvesFrom(schedule, period, new NodeId((uint)node)).Value)];

        Assert.All(starts, start => Assert.InRange(start, seed + 1, half));
        Assert.InRange(starts.GroupBy(start => start).Max(together => together.Count()), 1, 6);
        // Each tenth of the time has its share.
        Assert.All(starts.GroupBy(start => (start - seed - 1) * 10 / (half - seed)), tenth => Assert.InRange(tenth.Count(), 60, 140));
        // Nobody is always late.
        Assert.NotEqual(starts[0] - seed, ProofSpread.ProvesFrom(schedule, period + 1, new NodeId(1)).Value - schedule.SeedBlock(period + 1).Value);
    }

    [Fact]
    public void A_node_waits_for_its_own_block_and_then_proves()
    {
        BlockNumber mine = ProofSpread.ProvesFrom(s_schedule, new PeriodNumber(5), s_now.Node);
        NodeSnapshot early = s_now with { Ledger = new BlockNumber(100) };
        for (ulong tip = s_schedule.SeedBlock(new PeriodNumber(5)).Value + 1; tip < s_schedule.LastBlock(new PeriodNumber(5)).Value; tip++)
        {
            Assert.Equal(tip >= mine.Value, Decide(early with { Tip = new BlockNumber(tip) }).OfType<NodeAction.Prove>().Any());
        }
    }

    [Theory]
    [InlineData(118, true)]
    [InlineData(119, false)]
    public void The_last_block_of_a_period_is_too_late_to_begin(ulong tip, bool proves) =>
        Assert.Equal(proves, Decide(s_now with { Tip = new BlockNumber(tip), Duty = s_now.Duty with { IsPinned = true } }).OfType<NodeAction.Prove>().Any());

    [Fact]
    public void A_duty_of_another_period_than_the_tips_is_not_acted_on() =>
        Assert.DoesNotContain(Decide(s_now with { Duty = s_now.Duty with { Period = new PeriodNumber(4) } }), action => action is NodeAction.Prove);

    [Theory]
    [InlineData(null, false)]
    [InlineData(99UL, false)]
    [InlineData(111UL, false)]
    [InlineData(101UL, true)]
    public void The_ledger_is_read_first_if_it_is_unknown_or_of_a_former_period_or_of_a_block_that_is_gone(ulong? read, bool isGood)
    {
        NodeAction[] actions = Decide(s_now with { Ledger = read is { } block ? new BlockNumber(block) : null, UploadsDue = true, ShardsUnneeded = true });

        Assert.Equal(!isGood, actions[0] is NodeAction.ReadLedger);
        if (!isGood) Assert.Single(actions);
    }

    [Fact]
    public void A_ledger_that_the_chain_changed_is_read_before_bytes_are_freed_and_keeps_nobody_from_proving() =>
        Assert.Equal(
            [new NodeAction.ReadLedger(), new NodeAction.Prove(new PeriodNumber(5))],
            Decide(s_now with { IsLedgerTouched = true, UploadsDue = true, ShardsUnneeded = true }));

    [Fact]
    public void The_seed_is_pinned_before_the_chain_forgets_it()
    {
        NodeSnapshot late = s_now with { Tip = new BlockNumber(112) };
        Assert.Contains(new NodeAction.PinSeed(new PeriodNumber(5)), Decide(late));
        Assert.DoesNotContain(new NodeAction.PinSeed(new PeriodNumber(5)), Decide(late with { Duty = late.Duty with { IsPinned = true } }));
        Assert.DoesNotContain(new NodeAction.PinSeed(new PeriodNumber(5)), Decide(late with { Tip = new BlockNumber(111) }));
    }

    [Theory]
    [InlineData(99, 4)]
    [InlineData(101, 4)]
    [InlineData(102, 5)]
    public void Shards_outlive_the_deal_by_the_reorg_depth(ulong tip, uint keepFrom)
    {
        NodeSnapshot now = s_now with { Tip = new BlockNumber(tip), Ledger = new BlockNumber(tip), ShardsUnneeded = true };
        Assert.Contains(new NodeAction.DropShards(new PeriodNumber(keepFrom)), Decide(now));
    }

    [Theory]
    [InlineData(null, true)]
    [InlineData(1u, true)]
    [InlineData(2u, false)]
    public void Earnings_are_collected_now_and_then(uint? last, bool collects) =>
        Assert.Equal(collects, SettleJob.IsTime(new PeriodNumber(5), last is { } period ? new PeriodNumber(period) : null, s_limits.CollectEveryPeriods));

    [Fact]
    public void Questions_keep_no_proof_waiting_and_nothing_keeps_them_waiting_but_a_proof()
    {
        var question = new Question(new DealId(default, 1), 0, default, 7, new PeriodNumber(5));
        NodeSnapshot asked = s_now with { Questions = [question, question with { Slot = 1 }] };
        Assert.Equal([new NodeAction.Prove(new PeriodNumber(5)), new NodeAction.Answer(asked.Questions)], Decide(asked));
        Assert.Equal([new NodeAction.ReadLedger(), new NodeAction.Answer(asked.Questions)], Decide(asked with { Ledger = null }));
    }

    [Theory]
    [InlineData(5u, true)]
    [InlineData(6u, false)]
    public void An_evicted_node_cures_from_the_period_on_in_which_it_is_out(uint from, bool cures)
    {
        NodeSnapshot evicted = s_now with { Duty = s_now.Duty with { HasSomething = false }, EvictedFrom = new PeriodNumber(from) };
        Assert.Equal(cures, Decide(evicted).Contains(new NodeAction.Cure(new PeriodNumber(5))));
    }

    [Theory]
    [InlineData(true, false, false, 0u, true)]
    [InlineData(false, false, true, 0u, true)]
    [InlineData(false, true, true, 0u, false)]
    [InlineData(false, false, false, 1u, false)]
    [InlineData(false, false, false, 2u, true)]
    [InlineData(false, true, false, 2u, true)]
    public void A_loss_is_told_when_it_is_sure_or_when_silence_would_cost_more(bool isWrong, bool isAway, bool othersReadable, uint missed, bool tells) =>
        Assert.Equal(tells, LossPolicy.ShouldTell(new LossEvidence(isWrong, isAway, othersReadable, missed)));

    [Fact]
    public void Deciding_twice_gives_the_same() => Assert.Equal(Decide(s_now), Decide(s_now));

    private static NodeAction[] Decide(NodeSnapshot now) => [.. NodePlan.Decide(now, s_limits, Reorg)];
}
