using Xunit.Abstractions;

namespace Marketplace.Node.Tests.Kills;

[Collection(MarketCollection.Name)]
public sealed class KillTests(MarketFixture market, ITestOutputHelper output)
{
    private const int Kills = 30;
    private const int Seed = 20_26;

    [Fact]
    public async Task A_node_that_is_killed_over_and_over_keeps_what_it_acknowledged_and_nothing_else()
    {
        KillSums sums = await KillRun.RunAsync(market, Kills, Seed, null);
        output.WriteLine(sums.ToString());
        Assert.True(sums.IsGood, sums.ToString());
    }
}
