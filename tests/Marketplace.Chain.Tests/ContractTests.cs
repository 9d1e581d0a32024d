using System.Numerics;
using Marketplace.Chain.Accounts;
using Marketplace.Chain.Contracts;
using Marketplace.Chain.Crypto;
using Marketplace.Chain.Eth;
using Marketplace.Chain.Rpc;
using Marketplace.Chain.Transactions;
using Marketplace.Chain.TypedData;
using Marketplace.Domain;

namespace Marketplace.Chain.Tests;

[Collection(OnMarketChain.Name)]
public sealed class ContractTests(MarketChain market)
{
    private static readonly BigInteger s_token = BigInteger.Pow(10, 18);

    [Fact]
    public async Task Money_goes_in_and_is_read_back_with_its_event()
    {
        MarketContracts contracts = market.Connect(0);
        Address me = contracts.Web3.Account!.Address;
        UInt128 before = (await contracts.Escrow.AccountOfAsync(me)).Free;
        await contracts.Token.ApproveAsync(contracts.Escrow.Address, 5 * s_token);

        TransactionReceipt receipt = await contracts.Escrow.DepositAsync(5 * s_token);

        EscrowAccount account = await contracts.Escrow.AccountOfAsync(me);
        Assert.Equal(before + 5_000_000_000, account.Free);
        DepositedEvent deposited = Assert.Single(contracts.Escrow.DepositedEvents.DecodeAll(receipt));
        Assert.Equal(new DepositedEvent(me, me, 5 * s_token, 5_000_000_000, (BigInteger)account.Free), deposited);
        Log log = receipt.Logs.Single(log => log.Address == contracts.Escrow.Address);
        Assert.True(KnownContracts.TryDecodeEvent(log, out IContractEvent? known));
        Assert.Equal(deposited, known);
        EventLog<DepositedEvent> found = Assert.Single(await contracts.Escrow.DepositedEvents.GetAllChangesAsync(receipt.Block.Number, receipt.Block.Number));
        Assert.Equal(deposited, found.Event);
        UInt128 old = (await contracts.Escrow.AccountOfAsync(me, BlockParameter.At(receipt.Block.Number - 1))).Free;
        Assert.Equal(before, old);
    }

    [Fact]
    public async Task A_deposit_signed_by_permit_needs_no_approval()
    {
        MarketContracts contracts = market.Connect(0);
        Address me = contracts.Web3.Account!.Address;
        BigInteger amount = 3 * s_token;
        Abi.AbiTuple permit = new(
            ((Abi.AbiTuple)Abi.AbiType.Parse("(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)")).Components, "Permit");
        BigInteger nonce = await contracts.Token.NoncesAsync(me);
        TypedMessage message = new(
            new TypedDomain("Storage Market Token", "1", contracts.ChainId, contracts.Token.Address), permit, me, contracts.Escrow.Address, amount, nonce, ulong.MaxValue);
        EthSignature signature = contracts.Web3.Account.SignTypedData(message);
        Assert.Equal(message.DomainSeparator(), await contracts.Token.DomainSeparatorAsync());
        UInt128 before = (await contracts.Escrow.AccountOfAsync(me)).Free;

        await contracts.Escrow.DepositWithPermitAsync(amount, ulong.MaxValue, signature.V, signature.R, signature.S);

        Assert.Equal(before + 3_000_000_000, (await contracts.Escrow.AccountOfAsync(me)).Free);
    }

    [Fact]
    public async Task A_node_registers_and_is_read_in_a_list_and_alone()
    {
        MarketContracts contracts = market.Connect(0);
        await contracts.Token.ApproveAsync(contracts.Escrow.Address, 20 * s_token);
        await contracts.Escrow.DepositAsync(20 * s_token);
        Hash32 fingerprint = Hash32.Keccak("certificate"u8);
        using Account hot = Account.Create();

        TransactionReceipt receipt = await contracts.NodeRegistry.RegisterAsync(hot.Address, 20_000_000_000, 7, 1024, fingerprint, "https://node.example:9 ü");

        uint id = Assert.Single(contracts.NodeRegistry.RegisteredEvents.DecodeAll(receipt)).Node;
        NodeView node = await contracts.NodeRegistry.NodeAsync(id);
        Assert.Equal(new NodeView(id, contracts.Web3.Account!.Address, hot.Address, 20_000_000_000, 7, 1024, fingerprint, "https://node.example:9 ü"), node);
        Assert.Contains(node, await contracts.NodeRegistry.NodesAsync(1, 100));
        IReadOnlyList<NodeView> batch = await contracts.Web3.Eth.CallManyAsync([contracts.NodeRegistry.NodeRequest(id), contracts.NodeRegistry.NodeRequest(id)]);
        Assert.Equal([node, node], batch);
    }

    [Fact]
    public async Task An_acceptance_has_the_hash_that_the_contract_computes()
    {
        MarketContracts contracts = market.Connect(0);
        Address client = contracts.Web3.Account!.Address;
        TermsWord terms = new(Number: (1UL << 48) - 1, Rate: 4096, Leaves: 77, End: 50, MaxEnd: 60, N: 3, K: 1, MinFilled: 2);
        OfferWord offer = new(Slot: 2, Node: 9, Deadline: 1234, Hint: 77);
        Acceptance acceptance = new(offer.Pack(), new Root(Keccak256.HashData("root"u8)[..20]), default, default);

        TypedMessage message = AcceptanceMessage.Create(contracts.ChainId, contracts.StorageMarket.Address, client, terms, offer, acceptance.Root);

        Assert.Equal(await contracts.StorageMarket.AcceptanceHashAsync(client, terms.Pack(), acceptance), message.Digest());
    }

    [Fact]
    public async Task Several_values_and_lists_of_structs_come_back_typed()
    {
        MarketContracts contracts = market.Connect(1);

        (uint period, ulong blockNumber) = await contracts.StorageMarket.CurrentAsync();

        Assert.Equal(blockNumber / await contracts.StorageMarket.PeriodBlocksAsync(), period);
        DealView none = await contracts.Lens.DealAsync(new DealId(s_nobody, 1).ToWord());
        Assert.Empty(none.Slots);
        Assert.Empty(await contracts.Lens.DealsOfAsync(s_nobody, 1, 10));
    }

    [Fact]
    public async Task A_contract_known_only_at_run_time_is_called_by_its_abi()
    {
        MarketContracts contracts = market.Connect(0);
        Contract token = contracts.Web3.GetContract(
            File.ReadAllText(Path.Combine(Testing.Repository.Root, "artifacts/contracts/Token.sol/Token.json")), contracts.Token.Address);

        Assert.Equal("STORE", await token.GetFunction("symbol").CallAsync<string>());
        Assert.True((await token.GetFunction("approve").SendTransactionAndWaitForReceiptAsync(null, default, s_nobody, 1)).Succeeded);
        Assert.Throws<KeyNotFoundException>(() => token.GetFunction("nothing"));
    }

    [Fact]
    public async Task Where_there_is_no_contract_the_error_says_so()
    {
        Deployment elsewhere = new(market.Deployment.ChainId, market.Deployment.Addresses.ToDictionary(static pair => pair.Key, static _ => s_nobody));
        MarketContracts contracts = new(market.Chain.Connect(0), elsewhere);

        RpcFormatException e = await Assert.ThrowsAsync<RpcFormatException>(() => contracts.StorageMarket.CurrentAsync());

        Assert.Contains("no such contract", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_connection_to_another_chain_than_the_deployments_is_refused()
    {
        Deployment other = new(1, market.Deployment.Addresses);

        MarketException e = await Assert.ThrowsAsync<MarketException>(() => MarketContracts.ConnectAsync(other, rpcUrl: market.Chain.Url));

        Assert.Equal("The RPC endpoint serves chain 31337, the contracts live on chain 1.", e.Message);
        using MarketContracts right = await MarketContracts.ConnectAsync(market.Deployment, rpcUrl: market.Chain.Url);
        Assert.Equal(31337UL, right.ChainId);
    }

    private static readonly Address s_nobody = Address.Parse("0x00000000000000000000000000000000000000bb");
}
