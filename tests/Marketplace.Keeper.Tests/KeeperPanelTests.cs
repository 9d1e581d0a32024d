using Marketplace.Client.Discovery;
using Marketplace.Client.Json;
using Marketplace.Domain;

namespace Marketplace.Keeper.Tests;

public class KeeperPanelTests
{
    private static readonly DateTimeOffset s_now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("yes", true)]
    [InlineData("no", false)]
    [InlineData("yes no", true)]
    [InlineData("yes no no", false)]
    [InlineData("yes yes no", true)]
    [InlineData("null", null)]
    [InlineData("null null no", false)]
    public void One_keeper_that_lies_is_outvoted_and_doubt_means_online(string voices, bool? expected)
    {
        NodeSighting merged = Merge([.. voices.Split(' ').Select(voice => Node(voice switch { "yes" => true, "no" => false, _ => null }))]);
        Assert.Equal(expected, merged.Online);
    }

    [Fact]
    public void One_keeper_that_exaggerates_does_not_move_the_middle()
    {
        NodeSighting merged = Merge(Node(true, free: long.MaxValue), Node(true, free: 100), Node(true, free: 90), Node(true), Node(true));
        Assert.Equal(100, merged.FreeBytes);
    }

    [Fact]
    public void Nobody_was_seen_in_the_future() => Assert.Equal(s_now, Merge(Node(true, seen: s_now.AddYears(1)), Node(true, seen: s_now.AddDays(-1))).LastSeenAt);

    [Fact]
    public void A_keeper_that_withholds_a_node_has_no_voice_about_it()
    {
        KeeperNodesReport empty = Report();
        IReadOnlyDictionary<NodeId, NodeSighting> merged = KeeperPanel.Merge([empty, Report(Node(true)), empty], s_now);
        Assert.True(merged[new NodeId(1)].Online);
    }

    private static NodeSighting Merge(params KeeperNode[] voices) => KeeperPanel.Merge([.. voices.Select(voice => Report(voice))], s_now)[new NodeId(1)];

    private static KeeperNodesReport Report(params KeeperNode[] nodes) => new(new BlockNumber(1), default, NodeSource.Keepers, nodes, null);

    private static KeeperNode Node(bool? online, long? free = null, DateTimeOffset? seen = null) => new(
        new NodeId(1), default, default, "https://127.0.0.1:1", "sha256:", default, default, 1, 0, free, online, seen, null, null, null, NodeLiveness.Unknown, null, null, null);
}
