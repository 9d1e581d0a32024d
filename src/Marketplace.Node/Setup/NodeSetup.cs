using System.Net;
using System.Numerics;
using Marketplace.Chain;
using Marketplace.Chain.Accounts;
using Marketplace.Chain.Contracts;
using Marketplace.Chain.Eth;
using Marketplace.Domain;
using Marketplace.Hosting.Http;
using Marketplace.Network;

namespace Marketplace.Node;

/// <summary>What <see cref="NodeSetup.Init"/> needs.</summary>
public sealed record NodeInit
{
    /// <summary>Address and port when none is said.</summary>
    public static readonly IPEndPoint ListenDefault = new(IPAddress.Loopback, 4600);

    /// <summary>The folder to make; it must not hold a node yet.</summary>
    public required string DataDir { get; init; }

    /// <summary>Bytes that shards may take on the first volume.</summary>
    public required long CapacityBytes { get; init; }

    /// <summary>Where the first volume lies.</summary>
    public StoreAddress Store { get; init; } = StoreAddress.Default;

    /// <summary>File with the key of the first volume's bucket; null for the environment.</summary>
    public string? Credentials { get; init; }

    /// <summary>Region of the first volume's bucket; null for the usual one.</summary>
    public string? Region { get; init; }

    /// <summary>The key of the first volume's bucket, to be written into a credentials file of the node's folder; null if it is elsewhere.</summary>
    public BucketKey? BucketKey { get; init; }

    /// <summary>Tokens per GiB and 30 days.</summary>
    public required TokenAmount Price { get; init; }

    /// <summary>Encrypts the node's keys.</summary>
    public required string Passphrase { get; init; }

    /// <summary>Where to listen; port 0 takes a port that is free now and keeps it.</summary>
    public IPEndPoint Listen { get; init; } = ListenDefault;

    /// <summary>The endpoint to register; null for <c>https://LISTEN</c>.</summary>
    public PeerEndpoint? Url { get; init; }

    /// <summary>How dear a guess at the passphrase is.</summary>
    public KeyStoreStrength Strength { get; init; } = KeyStoreStrength.Standard;
}

/// <summary>A node that was made.</summary>
/// <param name="HotAddress">Signs for the node; needs some of the chain's coin for gas.</param>
/// <param name="Fingerprint">Of its certificate.</param>
/// <param name="Url">What will be registered.</param>
public sealed record NodeMade(Address HotAddress, CertificateFingerprint Fingerprint, PeerEndpoint Url);

/// <summary>How far the replacement of a hot key came.</summary>
/// <param name="Node">The node.</param>
/// <param name="Hot">The new key.</param>
/// <param name="InUse">Whether the chain names it, so that it was taken into use; else its owner must name it first.</param>
public sealed record NodeRekeyed(NodeId Node, Address Hot, bool InUse);

/// <summary>Makes nodes and puts them on the register. The owner's key is used here and stays with its owner.</summary>
public static class NodeSetup
{
    /// <summary>Gas money that a node is given at registration if its hot key has less, in wei: 0.05 coins.</summary>
    public static readonly BigInteger GasWeiDefault = BigInteger.Pow(10, 16) * 5;

    /// <summary>With less the operator is told, and what is left is kept for proofs.</summary>
    public static readonly BigInteger GasWeiLow = GasWeiDefault / 10;

    private const uint NodesPerPage = 100;
    private const int BytesPerMiBBits = 20;

    /// <summary>Makes keys, certificate, password and settings in a folder.</summary>
    /// <exception cref="MarketException">There is a node already, or a value is out of range.</exception>
    public static NodeMade Init(NodeInit init)
    {
        if (File.Exists(Path.Combine(init.DataDir, NodeConfig.FileName)))
        {
            throw new MarketException(MarketErrorCode.Usage, $"There is a node in {init.DataDir} already.", "Choose another folder.");
        }

        if (init.CapacityBytes < NodeConfig.CapacityBytesMin) throw new MarketException(MarketErrorCode.Usage, $"A node offers at least {ByteSize.Format(NodeConfig.CapacityBytesMin)}.");
        if (init.Price.Units == 0) throw new MarketException(MarketErrorCode.Usage, "A price of nothing cannot be registered.");
        IPEndPoint listen = init.Listen.Port == 0 ? new IPEndPoint(init.Listen.Address, LocalPorts.Take(init.Listen.Address)) : init.Listen;
        if (init.Url is null && listen.Address.Equals(IPAddress.Any) | listen.Address.Equals(IPAddress.IPv6Any))
        {
            throw new MarketException(MarketErrorCode.Usage, "Others cannot reach an address of zeros.", "Name the address that others reach: --listen ADDRESS:PORT, or set url in node.yaml.");
        }

        string? credentials = init.BucketKey is null ? init.Credentials : BucketKey.FileName;
        if (init.Store is not StoreAddress.Bucket && (credentials ?? init.Region) is not null) throw new MarketException(MarketErrorCode.Usage, "Credentials and region are for buckets.");
        PeerEndpoint url = init.Url ?? PeerEndpoint.Https(listen);
        NodeFiles.MakeFolder(init.DataDir);
        NodeKeys.Create(init.DataDir, init.Passphrase, init.Strength);
        _ = AdminPassword.FromFile(Path.Combine(init.DataDir, NodeFiles.AdminPassword));
        // The settings come last: a folder with them is a whole node.
        if (init.BucketKey is { } key) NodeFiles.Write(Path.Combine(init.DataDir, BucketKey.FileName), key.ToFile());
        var volume = new VolumeSettings(0, init.Store, init.CapacityBytes, credentials, init.Region);
        var config = new NodeConfig(listen, url, [volume], new Price(init.Price), new IPEndPoint(IPAddress.Loopback, 0));
        NodeFiles.Write(Path.Combine(init.DataDir, NodeConfig.FileName), config.ToString());
        (Address hot, CertificateFingerprint fingerprint) = NodeKeys.ReadPublic(init.DataDir);
        return new NodeMade(hot, fingerprint, url);
    }

    /// <summary>
    /// Registers the node of a folder: stake, endpoint, fingerprint, price, capacity, paid by the owner's account. Asked again, it finds
    /// the registration and changes nothing, so that a broken connection never pays twice.
    /// </summary>
    /// <param name="dataDir">The node's folder.</param>
    /// <param name="owner">Connected with the owner's account.</param>
    /// <param name="stake">Tokens to lock.</param>
    /// <param name="gasWei">Coins that the hot key shall have; null for <see cref="GasWeiDefault"/>.</param>
    /// <param name="token">Ends the attempt.</param>
    /// <exception cref="MarketException">Not enough tokens or coins.</exception>
    public static async Task<NodeRegistration> RegisterAsync(
        string dataDir, MarketContracts owner, TokenAmount stake, BigInteger? gasWei, CancellationToken token)
    {
        NodeConfig config = NodeConfig.Read(dataDir);
        (Address hot, CertificateFingerprint fingerprint) = NodeKeys.ReadPublic(dataDir);
        Address account = owner.Web3.Account?.Address ?? throw new ArgumentException("The connection has no account to pay with.", nameof(owner));
        NodeId id = await FindAsync(owner, hot, token) ?? await RegisterNewAsync(owner, account, hot, stake, config, fingerprint, token);
        var registration = new NodeRegistration(owner.ChainId, owner.StorageMarket.Address, id, await owner.NodeRegistry.OwnerOfAsync(id.Value, token: token));
        registration.Write(dataDir);

        BigInteger wanted = gasWei ?? GasWeiDefault;
        BigInteger has = await owner.Web3.Eth.GetBalanceAsync(hot, token: token);
        if (has < wanted) await owner.Web3.TransactionManager.SendCoinsAsync(hot, wanted - has, token: token);
        return registration;
    }

    /// <summary>Starts the node's exit: it takes no more shards and goes on proving those it has. Only its owner may.</summary>
    /// <exception cref="MarketException">The node is not registered.</exception>
    public static async Task ExitAsync(string dataDir, MarketContracts owner, CancellationToken token)
    {
        NodeRegistration registration = NodeRegistration.Read(dataDir) ?? throw NotRegistered(dataDir);
        await owner.NodeRegistry.ExitAsync(registration.Node.Value, token: token);
    }

    /// <summary>
    /// Replaces the node's hot key, in two calls with the owner's between them: the first makes a key, the owner names it on chain
    /// (<see cref="SetHotAsync"/>) wherever its wallet is, the second takes it into use. A call that finds nothing to do changes nothing.
    /// </summary>
    /// <param name="dataDir">The node's folder.</param>
    /// <param name="passphrase">Opens the present key and closes the next.</param>
    /// <param name="contracts">The market.</param>
    /// <param name="strength">How dear a guess at the passphrase is.</param>
    /// <param name="token">Ends the attempt.</param>
    /// <exception cref="MarketException">There is no registered node, or the passphrase is wrong.</exception>
    public static async Task<NodeRekeyed> RekeyAsync(
        string dataDir, string passphrase, MarketContracts contracts, KeyStoreStrength strength, CancellationToken token)
    {
        NodeRegistration registration = NodeRegistration.Read(dataDir) ?? throw NotRegistered(dataDir);
        Address next = NodeKeys.PrepareNextHot(dataDir, passphrase, strength);
        bool isNamed = (await contracts.NodeRegistry.NodeAsync(registration.Node.Value, token: token)).Hot == next;
        if (isNamed) NodeKeys.TakeNextHot(dataDir);
        return new NodeRekeyed(registration.Node, next, isNamed);
    }

    /// <summary>Names a node's hot key on chain and gives it coins for gas. Only its owner may.</summary>
    public static async Task SetHotAsync(NodeId node, Address hot, MarketContracts owner, CancellationToken token)
    {
        await owner.NodeRegistry.SetHotAsync(node.Value, hot, token: token);
        BigInteger has = await owner.Web3.Eth.GetBalanceAsync(hot, token: token);
        if (has < GasWeiDefault) await owner.Web3.TransactionManager.SendCoinsAsync(hot, GasWeiDefault - has, token: token);
    }

    internal static MarketException NotRegistered(string dataDir) =>
        new(MarketErrorCode.NotFound, $"The node in {dataDir} is not registered.", "Register it: market node register --data DIR --stake TOKENS");

    internal static uint CapacityMiB(long bytes) => (uint)Math.Min(uint.MaxValue, bytes >> BytesPerMiBBits);

    private static async Task<NodeId> RegisterNewAsync(
        MarketContracts owner, Address account, Address hot, TokenAmount stake, NodeConfig config, CertificateFingerprint fingerprint, CancellationToken token)
    {
        TokenAmount wallet = new((UInt128)await owner.Token.BalanceOfAsync(account, token: token));
        if (wallet < stake)
        {
            throw new MarketException(MarketErrorCode.InsufficientFunds, $"The owner {account} has {wallet} tokens, the stake is {stake}.") { Missing = stake - wallet };
        }

        BigInteger amount = (BigInteger)stake.UnitsUp * TokenAmount.BaseUnitsPerUnit;
        if (await owner.Token.AllowanceAsync(account, owner.Escrow.Address, token: token) < amount)
        {
            await owner.Token.ApproveAsync(owner.Escrow.Address, amount, token: token);
        }

        TransactionReceipt receipt = await owner.NodeRegistry.RegisterWithDepositAsync(
            hot, (ulong)stake.UnitsUp, (ulong)config.Price.PerGibibyteMonth.Units, CapacityMiB(config.CapacityBytes), fingerprint.Sha256, config.Url.ToString(), token: token);
        return new NodeId(owner.NodeRegistry.RegisteredEvents.DecodeAll(receipt)[0].Node);
    }

    private static async Task<NodeId?> FindAsync(MarketContracts owner, Address hot, CancellationToken token)
    {
        uint count = await owner.NodeRegistry.NodeCountAsync(token: token);
        for (uint from = 1; from <= count; from += NodesPerPage)
        {
            foreach (NodeView node in await owner.NodeRegistry.NodesAsync(from, NodesPerPage, token: token))
            {
                if (node.Hot == hot) return new NodeId(node.Id);
            }
        }

        return null;
    }
}
