using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Network;

namespace Marketplace.Node.Tests;

public sealed class AcceptancePolicyTests
{
    private static readonly ShardCommitment s_shard = MerkleTree.Commit(new byte[1 << 20]);
    private static readonly Price s_price = new(TokenAmount.Parse("10"));

    private static readonly AcceptanceScene s_scene = new(
        new Schedule(20, 2, 1),
        s_price,
        TimeSpan.FromDays(1),
        Tip: new BlockNumber(105),
        StakeUnits: 1_000_000_000_000,
        StakePeriods: 30,
        RateUnits: 0,
        PromisedUnits: 0,
        OutFrom: 0,
        ClientFreeUnits: 1_000_000_000_000,
        Holder: null);

    private static readonly Rate s_rate = s_price.RateFor((ulong)s_shard.Bytes, 20, 1);

    private static readonly AcceptanceRequest s_terms = new(s_shard.Root, s_shard.Leaves, s_rate.Encoded, new PeriodNumber(50), new BlockNumber(120));

    [Fact]
    public void A_fair_offer_is_promised() => Assert.Null(AcceptancePolicy.Judge(s_terms, s_shard, s_scene));

    [Fact]
    public void Another_root_than_was_uploaded_is_refused() =>
        Refused(409, s_terms with { Root = default }, s_scene);

    [Fact]
    public void A_price_below_the_nodes_is_refused() => Refused(402, s_terms with { Rate = Rate.FromUnitsUp(s_rate.Units - 1).Encoded }, s_scene);

    [Theory]
    [InlineData(105)]
    [InlineData(126)]
    public void A_deadline_that_passed_or_is_more_than_a_period_ahead_is_refused(ulong deadline) =>
        Refused(400, s_terms with { Deadline = new BlockNumber(deadline) }, s_scene);

    [Theory]
    [InlineData(7)]
    [InlineData(4400)]
    public void An_end_too_near_or_too_far_is_refused(uint maxEnd) => Refused(400, s_terms with { MaxEnd = new PeriodNumber(maxEnd) }, s_scene);

    [Fact]
    public void What_the_stake_does_not_cover_is_refused_open_promises_counted()
    {
        ulong covers = s_scene.StakeUnits / s_scene.StakePeriods;
        Assert.Null(AcceptancePolicy.Judge(s_terms, s_shard, s_scene with { RateUnits = covers - s_rate.Units }));
        Refused(409, s_terms, s_scene with { RateUnits = covers - s_rate.Units, PromisedUnits = 1 });
    }

    [Fact]
    public void A_leaving_node_promises_nothing() => Refused(503, s_terms, s_scene with { OutFrom = 6 });

    [Fact]
    public void A_slot_that_somebody_holds_is_refused_and_a_vacant_one_is_not()
    {
        Refused(409, s_terms, s_scene with { Holder = new NodeId(9) });
        Assert.Null(AcceptancePolicy.Judge(s_terms, s_shard, s_scene with { Holder = new NodeId(0) }));
    }

    [Fact]
    public void A_client_without_money_is_refused() => Refused(402, s_terms, s_scene with { ClientFreeUnits = s_rate.Units });

    [Fact]
    public void A_rate_that_is_none_is_refused() => Refused(400, s_terms with { Rate = 0 }, s_scene);

    private static void Refused(int status, AcceptanceRequest terms, AcceptanceScene scene) =>
        Assert.Equal(status, AcceptancePolicy.Judge(terms, s_shard, scene)?.Status);
}
