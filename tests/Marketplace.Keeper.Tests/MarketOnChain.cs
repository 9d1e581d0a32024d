using System.Buffers.Binary;
using System.Numerics;
using Marketplace.Chain;
using Marketplace.Chain.Accounts;
using Marketplace.Chain.Contracts;
using Marketplace.Chain.Crypto;
using Marketplace.Chain.Eth;
using Marketplace.Domain;
using Marketplace.Testing;

namespace Marketplace.Keeper.Tests;

/// <summary>The real contracts on a real chain, with one account that is client and owner of nodes at once.</summary>
internal sealed class MarketOnChain : IAsyncDisposable
{
    /// <summary>Blocks in a period of this market.</summary>
    public const uint PeriodBlocks = 20;

    private const uint SeedDelay = 2;

    private readonly byte[] _leaf = new byte[256];
    private readonly Dictionary<NodeId, Account> _hot = [];

    private MarketOnChain(LocalChain chain, Deployment deployment)
    {
        Chain = chain;
        Deployment = new Deployment(LocalChain.ChainId, deployment.Addresses, chain.Url, deployment.FromBlock);
        Contracts = new MarketContracts(chain.Connect(0), Deployment);
        Random.Shared.NextBytes(_leaf);
    }

    public LocalChain Chain { get; }

    public Deployment Deployment { get; }

    public MarketContracts Contracts { get; }

    public Address Client => Contracts.Web3.Account!.Address;

    /// <summary>The root of the one leaf that every shard here is made of.</summary>
    public Root Root
    {
        get
        {
            byte[] sealedTop = new byte[20 + 8 + 1];
            Keccak256.HashData([.. _leaf, 0x00]).AsSpan(0, 20).CopyTo(sealedTop);
            BinaryPrimitives.WriteUInt64BigEndian(sealedTop.AsSpan(20), 1);
            sealedTop[28] = 0x02;
            return new Root(Keccak256.HashData(sealedTop).AsSpan(0, 20));
        }
    }

    public static async Task<MarketOnChain> StartAsync()
    {
        LocalChain chain = await LocalChain.StartAsync();
        try
        {
            var market = new MarketOnChain(chain, await chain.DeployAsync(new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["MARKET_PERIOD_BLOCKS"] = $"{PeriodBlocks}",
                ["MARKET_SEED_DELAY"] = $"{SeedDelay}",
            }));
            BigInteger tokens = BigInteger.Pow(10, 18) * 200_000;
            await market.Contracts.Token.ApproveAsync(market.Contracts.Escrow.Address, tokens);
            await market.Contracts.Escrow.DepositAsync(tokens);
            return market;
        }
        catch
        {
            await chain.DisposeAsync();
            throw;
        }
    }

    public async Task<NodeId> RegisterAsync(string price, string endpoint = "https://127.0.0.1:1", Hash32 fingerprint = default, Account? hot = null)
    {
        hot ??= Account.Create();
        await Contracts.NodeRegistry.RegisterAsync(
            hot.Address, 100 * TokenAmount.UnitsPerToken, (ulong)TokenAmount.Parse(price).Units, 1024, fingerprint, endpoint);
        var node = new NodeId(await Contracts.NodeRegistry.NodeCountAsync());
        _hot[node] = hot;
        return node;
    }

    /// <summary>Opens a deal of three slots, the first ones filled by these nodes.</summary>
    public async Task<DealId> OpenAsync(ulong number, uint periods, params NodeId[] nodes)
    {
        (uint period, _) = await Contracts.StorageMarket.CurrentAsync();
        TermsWord terms = TermsOf(number, period + 1 + periods);
        var acceptances = new Acceptance[nodes.Length];
        for (int i = 0; i < nodes.Length; i++) acceptances[i] = await AcceptAsync(terms, i, nodes[i]);
        await Contracts.StorageMarket.OpenDealAsync(Client, terms.Pack(), acceptances);
        return new DealId(Client, number);
    }

    /// <summary>The client gives a slot that nobody holds to a node.</summary>
    public async Task FillAsync(DealId deal, int slot, NodeId node)
    {
        DealView view = await Contracts.Lens.DealAsync(deal.ToWord());
        await Contracts.StorageMarket.FillSlotAsync(deal.ToWord(), 1, await AcceptAsync(TermsOf(deal.Number, view.End), slot, node));
    }

    /// <summary>Goes to a block of the next period in which proofs are taken.</summary>
    public async Task<PeriodNumber> NextPeriodAsync()
    {
        ulong block = await Contracts.Web3.Eth.GetBlockNumberAsync();
        ulong period = (block / PeriodBlocks) + 1;
        await Chain.MineAsync((period * PeriodBlocks) + SeedDelay + 1 - block);
        return new PeriodNumber((uint)period);
    }

    /// <summary>Proves a node that holds one shard of one leaf: every draw falls on it.</summary>
    public async Task ProveAsync(NodeId node, PeriodNumber period)
    {
        byte[] draw = [0, 0, 0, 0, 0, .. _leaf];
        byte[] proof = [.. draw, .. draw, .. draw, .. draw, .. draw];
        await Contracts.StorageMarket.ProveAsync(node.Value, period.Value, proof);
    }

    private static TermsWord TermsOf(ulong number, uint end) => new(number, 4096, 1, end, end, 3, 1, 1);

    private async Task<Acceptance> AcceptAsync(TermsWord terms, int slot, NodeId node)
    {
        ulong block = await Contracts.Web3.Eth.GetBlockNumberAsync();
        var acceptance = new Acceptance(new OfferWord((byte)slot, node.Value, block + 10).Pack(), Root, default, default);
        Hash32 hash = await Contracts.StorageMarket.AcceptanceHashAsync(Client, terms.Pack(), acceptance);
        EthSignature signature = _hot[node].SignDigest(hash);
        byte[] vs = signature.S.ToArray();
        vs[0] |= (byte)(signature.Parity << 7);
        return acceptance with { R = signature.R, Vs = new Hash32(vs) };
    }

    public Task<Block> HeadAsync() => Contracts.Web3.Eth.GetLatestBlockAsync();

    public ValueTask DisposeAsync() => Chain.DisposeAsync();
}
