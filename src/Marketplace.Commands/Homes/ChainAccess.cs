using System.Globalization;
using Marketplace.Chain;
using Marketplace.Chain.Accounts;
using Marketplace.Commands.Settings;
using Marketplace.Commands.Shell;
using Marketplace.Domain;

namespace Marketplace.Commands.Homes;

/// <summary>How a verb gets at the chain of its home and the market's contracts on it.</summary>
internal static class ChainAccess
{
    /// <summary>Connects to the contracts.</summary>
    /// <param name="run">The call.</param>
    /// <param name="account">Who sends; null to read only. The caller goes on to own it.</param>
    /// <exception cref="MarketException">It is not known where the contracts are, or the endpoint serves another chain.</exception>
    public static async Task<MarketContracts> ConnectAsync(this VerbRun run, Account? account = null) =>
        await MarketContracts.ConnectAsync(await run.FindDeploymentAsync(), account, run.Home.RpcUrl, run.Cancellation);

    /// <summary>Where the contracts are: a file that was named, the devnet, or <c>deployments/CHAINID.json</c> of home or repository.</summary>
    /// <exception cref="MarketException">Nobody wrote it down.</exception>
    public static async Task<Deployment> FindDeploymentAsync(this VerbRun run)
    {
        MarketHome home = run.Home;
        if (home.Settings[SettingsTable.Contracts] is { } named)
        {
            if (!File.Exists(named)) throw new MarketException(MarketErrorCode.Usage, $"There is no file of contracts {named}", "check --contracts or MARKET_CONTRACTS");
            string text = await File.ReadAllTextAsync(named, run.Cancellation);
            try
            {
                // A file that is named after its chain, or tells it, needs no chain that answers.
                bool isNamed = ulong.TryParse(Path.GetFileNameWithoutExtension(named), NumberStyles.None, CultureInfo.InvariantCulture, out ulong number);
                return Deployment.Parse(text, isNamed ? number : await ReadChainIdAsync(run));
            }
            catch (FormatException exception)
            {
                throw new MarketException(MarketErrorCode.Usage, $"{named} does not name contracts", "write {\"Token\":\"0x…\",…}, as scripts/deploy.js does", exception);
            }
        }

        if (home.Devnet is { } devnet) return new Deployment(devnet.ChainId, devnet.Contracts, devnet.RpcUrl.ToString());
        ulong chainId = await ReadChainIdAsync(run);
        string name = Path.Combine("deployments", chainId.ToString(CultureInfo.InvariantCulture) + ".json");
        string[] folders = RepositoryFolder.Path is { } repository ? [home.Folder, repository] : [home.Folder];
        return folders.Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists) is { } found
            ? Deployment.ReadFile(found)
            : throw new MarketException(
                MarketErrorCode.Usage, $"Nobody said where the market's contracts are on chain {chainId}", "name the file: --contracts FILE or MARKET_CONTRACTS");
    }

    /// <summary>The market's clock, from the chain.</summary>
    public static async Task<Schedule> ReadScheduleAsync(this MarketContracts market, CancellationToken cancellation)
    {
        IReadOnlyList<uint> numbers = await market.Web3.Eth.CallManyAsync(
            [market.StorageMarket.PeriodBlocksRequest(), market.StorageMarket.SeedDelayRequest(), market.StorageMarket.BlockSecondsRequest()], token: cancellation);
        return new Schedule(numbers[0], numbers[1], numbers[2]);
    }

    private static async Task<ulong> ReadChainIdAsync(VerbRun run)
    {
        using var web3 = new Web3(run.Home.RpcUrl);
        return await web3.Eth.GetChainIdAsync(run.Cancellation);
    }
}
