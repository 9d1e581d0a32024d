using System.Globalization;

namespace Marketplace.Node.Tests.Kills;

/// <summary>This assembly as a program: the node that is killed, or the parent that kills it (<c>scripts/kill.sh</c>).</summary>
internal static class Program
{
    public static async Task<int> Main(string[] args)
    {
        switch (args)
        {
            case [NodeChild.Verb, string dataDir, string deployment]:
                return await NodeChild.RunAsync(dataDir, deployment);

            case ["kill", "--kills", string kills, "--seed", string seed]
                when int.TryParse(kills, CultureInfo.InvariantCulture, out int count) && int.TryParse(seed, CultureInfo.InvariantCulture, out int number) && count > 0:
                var market = new MarketFixture();
                try
                {
                    await market.InitializeAsync();
                    KillSums sums = await KillRun.RunAsync(market, count, number, Console.Error.WriteLine);
                    await Console.Out.WriteLineAsync(sums.ToString());
                    return sums.IsGood ? 0 : 1;
                }
                finally
                {
                    await market.DisposeAsync();
                }

            default:
                await Console.Error.WriteLineAsync("usage: kill.sh [--kills N] [--seed S]");
                return 2;
        }
    }
}
