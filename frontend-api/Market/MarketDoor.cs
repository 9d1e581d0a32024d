using System.Numerics;
using Marketplace.Chain;
using Marketplace.Chain.Accounts;
using Marketplace.Chain.Contracts;
using Marketplace.Chain.Rpc;
using Marketplace.Client.Catalogues;
using Marketplace.Client.Deals;
using Marketplace.Client.Discovery;
using Marketplace.Client.Json;
using Marketplace.Client.Sessions;
using Marketplace.Client.Sources;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Gateway.SignIn;
using Marketplace.Network;

namespace Marketplace.Gateway.Market;

/// <summary>
/// The market, as the gateway's endpoints use it: chain and nodes, through one session of the operator's account. Every call acts for one
/// client and shows only what is that client's. Failures that the caller can do something about are <see cref="MarketException"/>s.
/// </summary>
internal sealed class MarketDoor : IDisposable
{
    private readonly Account _operator;
    private readonly RecipientKeyPair _readKey;
    private readonly MarketContracts _contracts;
    private readonly MarketSession _session;
    private readonly ClientDesk _clients;

    private MarketDoor(Account @operator, RecipientKeyPair readKey, MarketContracts contracts, MarketSession session, string dataDir)
    {
        _operator = @operator;
        _readKey = readKey;
        _contracts = contracts;
        _session = session;
        _clients = new ClientDesk(session, readKey, Path.Combine(dataDir, "clients"));
        Facts = new MarketFacts(contracts.ChainId, contracts.Deployment.Addresses, @operator.Address, readKey.PublicKey, session.Parameters.Schedule);
    }

    /// <summary>What does not change.</summary>
    public MarketFacts Facts { get; }

    /// <summary>Opens the operator's account and connects to the chain.</summary>
    /// <exception cref="MarketException">Account or chain are not as they must be.</exception>
    public static async Task<MarketDoor> OpenAsync(GatewayOptions options, CancellationToken token)
    {
        Account @operator = GatewaySetup.OpenOperator(options.DataDir, options.Passphrase);
        RecipientKeyPair? readKey = null;
        MarketContracts? contracts = null;
        try
        {
            readKey = GatewaySetup.ReadKey(@operator);
            contracts = await ConnectAsync(options, @operator, token);
            MarketSession session = await MarketSession.OpenAsync(
                new MarketChain(contracts),
                @operator,
                new MarketSessionOptions { Keepers = options.Keepers?.Select(PeerOf).ToList() },
                token);
            return new MarketDoor(@operator, readKey, contracts, session, options.DataDir);
        }
        catch (Exception failure)
        {
            contracts?.Dispose();
            readKey?.Dispose();
            @operator.Dispose();
            if (failure is RpcException or FormatException)
                throw new MarketException(MarketErrorCode.Failed, $"The chain does not answer as it must: {failure.Message}", "check the RPC endpoint and the contracts' addresses", failure);
            throw;
        }
    }

    /// <summary>Asks the chain whether it is there.</summary>
    public async Task<MarketPulse> PulseAsync(CancellationToken token)
    {
        Moment now = await _session.Chain.NowAsync(token);
        return new MarketPulse(now.Block, Amount(await _contracts.Web3.Eth.GetBalanceAsync(_operator.Address, token: token)));
    }

    /// <summary>The client's money.</summary>
    public async Task<BalanceReport> BalanceAsync(Address client, CancellationToken token)
    {
        Task<BigInteger> wallet = _contracts.Token.BalanceOfAsync(client, token: token);
        Task<EscrowAccount> account = _contracts.Escrow.AccountOfAsync(client, token: token);
        Task<BigInteger> gas = _contracts.Web3.Eth.GetBalanceAsync(client, token: token);
        Allowance allowance = await _contracts.Escrow.AllowanceOfAsync(client, _operator.Address, token: token);
        Moment now = await _session.Chain.NowAsync(token);
        // Only its own allowance: others are no business of this gateway, and the chain lists them by events alone.
        AllowanceReport[] allowances = allowance.Left > 0 && allowance.Until > now.Period.Value
            ? [new AllowanceReport(_operator.Address, TokenAmount.FromUnits(allowance.Left), now.TimeOf(new PeriodNumber(allowance.Until)))]
            : [];
        return new BalanceReport(
            client,
            Amount(await wallet),
            TokenAmount.FromUnits((await account).Free),
            TokenAmount.FromUnits((await account).Locked),
            Amount(await gas),
            allowances);
    }

    /// <summary>What the operator may lock for the client now.</summary>
    public Task<Funds> FundsAsync(Address client, CancellationToken token) => _session.Chain.FundsAsync(client, _operator.Address, token);

    /// <summary>What keeping so many bytes would cost at most, as a <c>put --quote</c> of one file.</summary>
    public Task<PutReport> QuoteAsync(Address client, string name, long bytes, KeepTerms terms, CancellationToken token) =>
        _clients.For(client, null).QuoteAsync([Source(name, Stream.Null, bytes, isExact: true)], Terms(terms), token);

    /// <summary>
    /// Stores a body under a name, sealed to the client's key and the gateway's own. Reads it once and keeps no more than a fixed part of it
    /// in memory. If it throws, nothing was stored and nothing is locked.
    /// </summary>
    public Task<PutReport> PutAsync(GatewayClient client, string name, UploadBody body, KeepTerms terms, CancellationToken token) =>
        _clients.For(client.Address, client.SealTo).PutAsync([Source(name, body.Content, body.BytesMost, body.IsExact)], Terms(terms), token: token);

    /// <summary>All files, links and empty folders of the client that the gateway can open, sorted by name.</summary>
    public Task<ListReport> ListAsync(Address client, CancellationToken token) => _clients.For(client, null).ListAsync("", recursive: true, token);

    /// <summary>The latest version under a name; null if there is none that the gateway can open. Never an older one for want of the latest.</summary>
    public async Task<StoredObject?> FindAsync(Address client, string name, CancellationToken token)
    {
        StorageClient storage = _clients.For(client, null);
        CatalogueView view = await storage.LoadAsync(token);
        if (view.Find(name).Count == 0) return null;
        ObjectKind kind = view.KindOf(name);
        if (kind is not ObjectKind.File || view.Catalogue.Find(name) is not { } file) return new StoredObject(kind, 0, "0", null, (_, _, _, _) => Task.CompletedTask);
        return new StoredObject(
            kind,
            file.Bytes,
            $"{file.Deal}-{file.Version}",
            file.ModifiedAt,
            (from, count, target, stop) => storage.CopyAsync(view, file, from, count, target, token: stop));
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _clients.Dispose();
        _session.Dispose();
        _contracts.Dispose();
        _readKey.Dispose();
        _operator.Dispose();
    }

    private static async Task<MarketContracts> ConnectAsync(GatewayOptions options, Account @operator, CancellationToken token)
    {
        string url = options.RpcUrl;
        ulong chainId;
        using (var web3 = new Web3(url)) chainId = await web3.Eth.GetChainIdAsync(token);
        return await MarketContracts.ConnectAsync(new Deployment(chainId, options.Contracts), @operator, url, token);
    }

    private static KeeperPeer PeerOf(Uri url) => PeerEndpoint.TryParse(url.ToString(), out PeerEndpoint? endpoint)
        ? new KeeperPeer(endpoint, null)
        : throw new MarketException(MarketErrorCode.Usage, $"'{url}' is no keeper's address.");

    private SourceObject Source(string name, Stream content, long bytes, bool isExact) =>
        SourceObject.FromStream(name, content, bytes, mayBeShorter: !isExact, _session.Time.GetUtcNow());

    private static PutTerms Terms(KeepTerms terms) => new(terms.Redundancy, terms.For);

    private static TokenAmount Amount(BigInteger baseUnits) => new((UInt128)baseUnits);
}
