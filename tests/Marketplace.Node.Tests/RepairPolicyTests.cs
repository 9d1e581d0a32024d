using Marketplace.Domain;

namespace Marketplace.Node.Tests;

public sealed class RepairPolicyTests
{
    private static readonly Schedule s_schedule = new(PeriodBlocks: 20, SeedDelayBlocks: 2, BlockSeconds: 1);
    private static readonly VacantSlot s_vacant = new(new DealId(default, 7), 1, new BlockNumber(80));

    /// <summary>Block 105 of period 5, a lost slot that nobody reserved, a deal until period 30, everything in favour.</summary>
    private static readonly RepairScene s_now = new(
        s_schedule,
        Tip: new BlockNumber(105),
        Me: new NodeId(4),
        s_vacant,
        IsWanted: true,
        End: new PeriodNumber(30),
        RateUnits: 100,
        FloorUnits: 90,
        BountyUnits: 500,
        BondUnits: 200,
        ReservedBy: new NodeId(0),
        ReservedUntil: new PeriodNumber(0),
        ReservePeriods: 2,
        LeastBountyUnits: 0,
        HasGas: true,
        HoldsAnother: false,
        ReservesAnother: false,
        Sources: 2,
        Needed: 2,
        IsOut: false,
        StakeCovers: true,
        HasRoom: true,
        FreeUnits: 1_000,
        HasShard: false);

    [Fact]
    public void First_the_shard_is_made_and_then_the_bond_is_put_down()
    {
        Assert.Equal(RepairStep.Rebuild, RepairPolicy.Decide(s_now));
        Assert.Equal(RepairStep.Reserve, RepairPolicy.Decide(s_now with { HasShard = true }));
    }

    [Theory]
    [InlineData(7u, RepairStep.Wait)]
    [InlineData(6u, RepairStep.Claim)]
    [InlineData(5u, RepairStep.Claim)]
    public void A_reserved_slot_is_claimed_in_a_later_period(uint until, object step) =>
        Assert.Equal((RepairStep)step, RepairPolicy.Decide(s_now with { HasShard = true, ReservedBy = s_now.Me, ReservedUntil = new PeriodNumber(until) }));

    [Theory]
    [InlineData(7u, RepairStep.Claim)]
    [InlineData(6u, RepairStep.Release)]
    public void A_reserved_slot_is_claimed_as_long_as_the_chain_takes_the_claim(uint end, object step) =>
        Assert.Equal((RepairStep)step, RepairPolicy.Decide(Reserved(until: 6) with { End = new PeriodNumber(end) }));

    [Fact]
    public void What_a_bond_lies_for_is_weighed_no_more()
    {
        RepairScene[] changed =
        [
            Reserved(until: 6) with { FloorUnits = 200 },
            Reserved(until: 6) with { LeastBountyUnits = 731 },
            Reserved(until: 6) with { HoldsAnother = true },
        ];
        Assert.All(changed, scene => Assert.Equal(RepairStep.Claim, RepairPolicy.Decide(scene)));
        Assert.Equal(RepairStep.Wait, RepairPolicy.Decide(Reserved(until: 6) with { IsOut = true }));
        Assert.Equal(RepairStep.Wait, RepairPolicy.Decide(Reserved(until: 6) with { StakeCovers = false }));
    }

    [Fact]
    public void A_bond_is_had_back_where_the_chain_gives_it_back_and_is_not_forgotten_while_it_may()
    {
        // Its former holder cured itself, or somebody else settled it, before the reservation lapsed or after.
        Assert.All((uint[])[7, 6, 4], until => Assert.Equal(RepairStep.Release, RepairPolicy.Decide(Reserved(until) with { IsWanted = false })));
        // The deal ended first; or the reservation lapsed long before.
        Assert.Equal(RepairStep.Release, RepairPolicy.Decide(Reserved(until: 5) with { End = new PeriodNumber(6) }));
        Assert.Equal(RepairStep.Forget, RepairPolicy.Decide(Reserved(until: 4) with { End = new PeriodNumber(6) }));
        // Lapsed, and of no use: but its former holder may still cure itself.
        Assert.Equal(RepairStep.Wait, RepairPolicy.Decide(Reserved(until: 4) with { FloorUnits = 200 }));
        Assert.Equal(RepairStep.Reserve, RepairPolicy.Decide(Reserved(until: 4)));
        // Nobody's business but its own.
        Assert.Equal(RepairStep.Forget, RepairPolicy.Decide(Reserved(until: 4) with { ReservedBy = new NodeId(9), IsWanted = false }));
    }

    [Fact]
    public void A_claim_waits_for_the_seed() =>
        Assert.Equal(RepairStep.Wait, RepairPolicy.Decide(s_now with
        {
            HasShard = true,
            ReservedBy = s_now.Me,
            ReservedUntil = new PeriodNumber(6),
            Tip = new BlockNumber(102),
        }));

    [Fact]
    public void A_slot_that_another_node_reserved_is_left_to_it_until_it_lapses()
    {
        RepairScene reserved = s_now with { HasShard = true, ReservedBy = new NodeId(9), ReservedUntil = new PeriodNumber(5) };
        Assert.Equal(RepairStep.Wait, RepairPolicy.Decide(reserved));
        Assert.Equal(RepairStep.Reserve, RepairPolicy.Decide(reserved with { ReservedUntil = new PeriodNumber(4) }));
    }

    [Fact]
    public void What_cannot_be_taken_over_is_forgotten()
    {
        RepairScene[] hopeless =
        [
            s_now with { IsWanted = false },
            s_now with { HoldsAnother = true },
            s_now with { IsOut = true },
            s_now with { End = new PeriodNumber(7) },
            s_now with { FloorUnits = 200 },
            // 500 of bounty and 23 periods of 10 above the price.
            s_now with { LeastBountyUnits = 731 },
        ];
        Assert.All(hopeless, scene => Assert.Equal(RepairStep.Forget, RepairPolicy.Decide(scene)));
    }

    [Fact]
    public void What_is_missing_now_may_come()
    {
        RepairScene[] later = [s_now with { ReservesAnother = true }, s_now with { Sources = 1 }, s_now with { StakeCovers = false }, s_now with { HasRoom = false }, s_now with { FreeUnits = 199 }];
        Assert.All(later, scene => Assert.Equal(RepairStep.Wait, RepairPolicy.Decide(scene)));
    }

    [Fact]
    public void What_is_worth_the_trouble_is_done_and_with_little_gas_left_only_what_the_bond_lies_for()
    {
        Assert.Equal(RepairStep.Rebuild, RepairPolicy.Decide(s_now with { LeastBountyUnits = 730 }));
        RepairScene poor = s_now with { HasGas = false, HasShard = true };
        Assert.Equal(RepairStep.Wait, RepairPolicy.Decide(poor));
        Assert.Equal(RepairStep.Wait, RepairPolicy.Decide(poor with { HasShard = false }));
        Assert.Equal(RepairStep.Claim, RepairPolicy.Decide(poor with { ReservedBy = s_now.Me, ReservedUntil = new PeriodNumber(6) }));
    }

    [Fact]
    public void A_bounty_makes_up_for_a_rate_below_the_nodes_price() =>
        Assert.Equal(RepairStep.Rebuild, RepairPolicy.Decide(s_now with { FloorUnits = 110 }));

    [Fact]
    public void Misses_count_that_others_proved_and_that_were_not_given_up()
    {
        PeriodNumber[] missed = [.. Enumerable.Range(4, 6).Select(period => new PeriodNumber((uint)period))];
        static UInt128 Paid(PeriodNumber period) => period.Value == 5 ? 0u : 100u;

        Assert.Equal([new PeriodNumber(4), new PeriodNumber(6), new PeriodNumber(8)], StrikeReporter.Strikes(missed, Paid, new PeriodNumber(7))!);
        Assert.Null(StrikeReporter.Strikes(missed[..4], Paid, new PeriodNumber(7)));
    }

    [Fact]
    public void Nodes_begin_at_different_blocks_and_within_half_a_period()
    {
        uint[] delays = [.. Enumerable.Range(1, 200).Select(node => RepairPolicy.Delay(s_schedule, s_vacant, new NodeId((uint)node)))];

        Assert.All(delays, delay => Assert.InRange(delay, 0u, (s_schedule.PeriodBlocks / 2) - 1));
        Assert.Equal(10, delays.Distinct().Count());
        uint own = RepairPolicy.Delay(s_schedule, s_vacant, s_now.Me);
        RepairScene fresh = s_now with { Vacant = s_vacant with { Since = s_now.Tip } };
        uint freshDelay = RepairPolicy.Delay(s_schedule, fresh.Vacant, s_now.Me);
        Assert.Equal(freshDelay == 0 ? RepairStep.Rebuild : RepairStep.Wait, RepairPolicy.Decide(fresh));
        Assert.Equal(own, RepairPolicy.Delay(s_schedule, s_vacant, s_now.Me));
    }

    private static RepairScene Reserved(uint until) => s_now with { HasShard = true, ReservedBy = s_now.Me, ReservedUntil = new PeriodNumber(until) };
}
