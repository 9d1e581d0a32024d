using System.Globalization;
using Marketplace.Chain.Accounts;
using Marketplace.Chain.Contracts;
using Marketplace.Chain.Eth;
using Marketplace.Chain.Rpc;
using Marketplace.Domain;

namespace Marketplace.Chain;

/// <summary>All contracts of one market behind one connection.</summary>
public sealed class MarketContracts(Web3 web3, Deployment deployment) : IDisposable
{
    /// <summary>The connection.</summary>
    public Web3 Web3 { get; } = web3;

    /// <summary>Where the contracts live.</summary>
    public Deployment Deployment { get; } = deployment;

    /// <summary>The chain's number.</summary>
    public ulong ChainId => Deployment.ChainId;

    /// <summary>The token.</summary>
    public TokenService Token { get; } = new(web3, deployment["Token"]);

    /// <summary>Nodes, their stake and endpoints; keepers.</summary>
    public NodeRegistryService NodeRegistry { get; } = new(web3, deployment["NodeRegistry"]);

    /// <summary>Everybody's money.</summary>
    public EscrowService Escrow { get; } = new(web3, deployment["Escrow"]);

    /// <summary>Deals and proofs, periods and seeds.</summary>
    public StorageMarketService StorageMarket { get; } = new(web3, deployment["StorageMarket"]);

    /// <summary>Views of deals, ledgers and duties.</summary>
    public MarketLensService Lens { get; } = new(web3, deployment["MarketLens"]);

    /// <summary>The mining reward.</summary>
    public BankService Bank { get; } = new(web3, deployment["Bank"]);

    /// <summary>Logs of all contracts that keep something.</summary>
    public LogFilter Logs => new()
    {
        Addresses = [Token.Address, NodeRegistry.Address, Escrow.Address, StorageMarket.Address, Bank.Address],
    };

    /// <summary>Connects and makes sure that it is the right chain.</summary>
    /// <param name="deployment">Where the contracts live.</param>
    /// <param name="account">Who sends, or null to read only; the caller goes on to own it.</param>
    /// <param name="rpcUrl">One endpoint or several separated by commas; null for the one that the deployment names.</param>
    /// <param name="token">Ends the attempt.</param>
    /// <exception cref="MarketException">The endpoint serves another chain, or there is none to ask.</exception>
    /// <exception cref="RpcException">The endpoint does not answer.</exception>
    public static async Task<MarketContracts> ConnectAsync(
        Deployment deployment, Account? account = null, string? rpcUrl = null, CancellationToken token = default)
    {
        string url = rpcUrl ?? deployment.RpcUrl ?? throw new MarketException(MarketErrorCode.Usage, "No RPC endpoint of the chain is set.");
        Web3 web3 = new(account, RpcClient.Parse(url));
        try
        {
            ulong chainId = await web3.Eth.GetChainIdAsync(token);
            if (chainId != deployment.ChainId)
            {
                throw new MarketException(MarketErrorCode.Usage, string.Create(
                    CultureInfo.InvariantCulture, $"The RPC endpoint serves chain {chainId}, the contracts live on chain {deployment.ChainId}."));
            }

            return new MarketContracts(web3, deployment);
        }
        catch
        {
            web3.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Web3.Dispose();
}
