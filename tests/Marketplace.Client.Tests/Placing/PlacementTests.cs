using CsCheck;
using Marketplace.Client.Placing;
using Marketplace.Domain;

namespace Marketplace.Client.Tests.Placing;

public sealed class PlacementTests
{
    private static readonly Gen<NodeCandidate> s_node =
        from id in Gen.UInt[1, 200]
        from owner in Gen.Byte[1, 12]
        from host in Gen.Byte[1, 5]
        from price in Gen.ULong[1, 50]
        from free in Gen.ULong[0, 2000]
        from online in Gen.Int[0, 2]
        from silent in Gen.UInt[0, 4]
        select Node(id, owner, $"10.{host}.0.1", price, free, online switch { 0 => false, 1 => true, _ => null }, silent);

    private static readonly Gen<List<NodeCandidate>> s_nodes = s_node.List[0, 30].Select(nodes => nodes.DistinctBy(node => node.Id).ToList());

    [Fact]
    public void No_node_is_chosen_twice_or_without_room_or_when_it_is_away() =>
        Gen.Select(s_nodes, Gen.Int[1, 10]).Sample((nodes, slots) =>
        {
            PlacementPlan plan = Placement.Choose(nodes, slots, 1000, salt: 1);
            NodeCandidate[] all = [.. plan.Chosen, .. plan.Spares];
            return plan.Chosen.Count <= slots && all.DistinctBy(node => node.Id).Count() == all.Length &&
                all.All(node => node.FreeBytes >= 1000 && node.Online is not false);
        });

    [Fact]
    public void As_many_operators_as_there_are_get_a_shard_before_any_gets_two() =>
        Gen.Select(s_nodes, Gen.Int[1, 10]).Sample((nodes, slots) =>
        {
            int operators = nodes.Where(node => node.FreeBytes >= 1000 && node.Online is not false).Select(node => node.Owner).Distinct().Count();
            PlacementPlan plan = Placement.Choose(nodes, slots, 1000, salt: 1);
            return plan.Happiness == Math.Min(slots, operators);
        });

    [Fact]
    public void The_order_in_which_nodes_were_found_changes_nothing() =>
        Gen.Select(s_nodes, Gen.Int[1, 10], Gen.ULong).Sample((nodes, slots, salt) =>
        {
            PlacementPlan one = Placement.Choose(nodes, slots, 1000, salt);
            PlacementPlan other = Placement.Choose([.. nodes.AsEnumerable().Reverse()], slots, 1000, salt);
            return one.Chosen.SequenceEqual(other.Chosen) && one.Spares.SequenceEqual(other.Spares);
        });

    [Fact]
    public void Neighbourhoods_differ_where_they_can_even_if_that_is_dearer()
    {
        NodeCandidate[] nodes = [Node(1, 1, "10.1.0.1", 1), Node(2, 2, "10.1.0.2", 1), Node(3, 3, "10.1.0.3", 1), Node(4, 4, "10.2.0.1", 9), Node(5, 5, "10.3.0.1", 9)];
        PlacementPlan plan = Placement.Choose(nodes, 3, 10, salt: 0);
        Assert.Equal(3, plan.Chosen.Select(node => Neighbourhood.Of(node.Host)).Distinct().Count());
    }

    [Fact]
    public void The_cheapest_of_equal_nodes_is_chosen()
    {
        NodeCandidate[] nodes = [Node(1, 1, "10.1.0.1", 7), Node(2, 2, "10.1.0.1", 5), Node(3, 3, "10.1.0.1", 6)];
        Assert.Equal([2u, 3u], Placement.Choose(nodes, 2, 10, salt: 3).Chosen.Select(node => node.Id.Value));
    }

    [Fact]
    public void A_node_that_stopped_proving_is_the_last_choice()
    {
        NodeCandidate[] nodes = [Node(1, 1, "10.1.0.1", 1, silent: 9), Node(2, 2, "10.1.0.1", 5), Node(3, 3, "10.1.0.1", 6)];
        Assert.Equal([2u, 3u, 1u], Placement.Choose(nodes, 3, 10, salt: 3).Chosen.Select(node => node.Id.Value));
    }

    [Fact]
    public void A_refill_goes_to_an_operator_that_holds_nothing_yet()
    {
        NodeCandidate[] nodes = [Node(1, 1, "10.1.0.1", 1), Node(2, 2, "10.1.0.1", 5)];
        PlacementPlan plan = Placement.Choose(nodes, 1, 10, salt: 0, takenOwners: new HashSet<Address> { Owner(1) });
        Assert.Equal(2u, plan.Chosen[0].Id.Value);
    }

    [Theory]
    [InlineData("10.1.2.3", "10.1.200.1", true)]
    [InlineData("10.1.2.3", "10.2.2.3", false)]
    [InlineData("2001:db8:1::1", "2001:db8:2::1", true)]
    [InlineData("2001:db8::1", "2001:db9::1", false)]
    [InlineData("a.node.example", "b.node.example", true)]
    [InlineData("::ffff:10.1.0.1", "10.1.0.9", true)]
    public void Neighbours_share_what_is_likely_to_fail_together(string one, string other, bool same) =>
        Assert.Equal(same, Neighbourhood.Of(one) == Neighbourhood.Of(other));

    private static NodeCandidate Node(uint id, byte owner, string host, ulong price, ulong? free = 5000, bool? online = true, uint silent = 0) =>
        new(new NodeId(id), Owner(owner), host, new Price(TokenAmount.FromUnits(price)), free, online, silent);

    private static Address Owner(byte number)
    {
        byte[] bytes = new byte[Address.SizeBytes];
        bytes[^1] = number;
        return new Address(bytes);
    }
}
