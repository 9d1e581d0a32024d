using System.Numerics;
using Marketplace.Chain;
using Marketplace.Chain.Accounts;
using Marketplace.Chain.Contracts;
using Marketplace.Chain.Eth;
using Marketplace.Chain.Rpc;
using Marketplace.Chain.Transactions;
using Marketplace.Client.Deals;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Network;
using Marketplace.Testing;

namespace Marketplace.Client.Tests.Deals;

/// <summary>What reading a client's deals asks a real chain for.</summary>
public sealed class EndedPagesTests : IAsyncLifetime
{
    private const ulong NodeRate = 1_000_000;
    private static readonly BigInteger s_token = BigInteger.Pow(10, 18);

    private readonly TemporaryFolder _folder = new();
    private readonly CountingHandler _counted = new();
    private LocalChain? _local;
    private Web3? _web3;
    private MarketContracts _contracts = null!;
    private MarketChain _chain = null!;
    private Account _account = null!;

    public async Task InitializeAsync()
    {
        _local = await LocalChain.StartAsync();
        Deployment deployment = await _local.DeployAsync();
        _account = _local.GetAccount(0);
        _web3 = new Web3(_account, new RpcClient([new Uri(_local.Url)], handler: _counted), new TransactionPolicy { PollInterval = TimeSpan.FromMilliseconds(20) });
        _contracts = new MarketContracts(_web3, deployment);
        _chain = new MarketChain(_contracts);
        await _contracts.Token.ApproveAsync(_contracts.Escrow.Address, 5_000 * s_token);
        await _contracts.Escrow.DepositAsync(5_000 * s_token);
        await _contracts.NodeRegistry.RegisterAsync(
            _account.Address, 1_000 * TokenAmount.UnitsPerToken, 1, uint.MaxValue, new Hash32([.. Enumerable.Repeat((byte)1, Hash32.SizeBytes)]), "https://127.0.0.1:1");
    }

    public async Task DisposeAsync()
    {
        _web3?.Dispose();
        if (_local is not null) await _local.DisposeAsync();
        _folder.Dispose();
    }

    [Fact(Timeout = Patience.TestMilliseconds)]
    public async Task Pages_in_which_all_is_over_are_not_read_again_until_a_deal_is_opened_there_or_a_day_is_over()
    {
        string path = _folder["home/ended"];
        foreach (ulong number in new ulong[] { 3, 110, 330 }) await OpenAsync(number, periods: 0);
        foreach (ulong number in new ulong[] { 60, 340 }) await OpenAsync(number, periods: 1000);
        uint periodBlocks = await _contracts.StorageMarket.PeriodBlocksAsync();
        await _local!.MineInBulkAsync(periodBlocks * (await _contracts.StorageMarket.DealPeriodsMinAsync() + 3));

        const int All = 1 + 7;      // the last number, and seven pages
        const int Open = 1 + 2;     // the page of deal 60, and the last in which one ended
        var ended = new EndedPages(path);
        Assert.Equal([3, 60, 110, 330, 340], await ReadAsync(ended, All));
        Assert.Equal([60, 330, 340], await ReadAsync(ended, Open));
        Assert.Equal([60, 330, 340], await ReadAsync(new EndedPages(path), Open));

        // A number that was left out, used by an upload that took long.
        await OpenAsync(150, periods: 1000);
        ended.Forget(150);
        Assert.Equal([60, 110, 150, 330, 340], await ReadAsync(new EndedPages(path), Open + 1));

        Assert.Equal([3, 60, 110, 150, 330, 340], await ReadAsync(new EndedPages(path), All, later: EndedPages.Life + TimeSpan.FromMinutes(1)));
        Assert.Equal(Open + 1, (await CountedAsync(new EndedPages(path), EndedPages.Life + TimeSpan.FromMinutes(1))).Calls);

        // Another chain, which begins with the same numbers.
        string[] kept = File.ReadAllText(path).Split(' ');
        kept[3] = $"0x{new string('1', 64)}";
        File.WriteAllText(path, string.Join(' ', kept));
        Assert.Equal([3, 60, 110, 150, 330, 340], await ReadAsync(new EndedPages(path), All, later: EndedPages.Life + TimeSpan.FromMinutes(2)));
        File.WriteAllText(path, "damaged");
        Assert.Equal([3, 60, 110, 150, 330, 340], await ReadAsync(new EndedPages(path), All));
    }

    private async Task<ulong[]> ReadAsync(EndedPages ended, int calls, TimeSpan later = default)
    {
        (int counted, ulong[] numbers) = await CountedAsync(ended, later);
        Assert.Equal(calls, counted);
        return numbers;
    }

    private async Task<(int Calls, ulong[] Numbers)> CountedAsync(EndedPages ended, TimeSpan later)
    {
        Moment now = await _chain.NowAsync();
        int before = _counted.Calls;
        IReadOnlyList<DealFacts> deals = await _chain.DealsAsync(_account.Address, ended, now with { Time = now.Time + later });
        return (_counted.Calls - before, [.. deals.Select(deal => deal.Id.Number)]);
    }

    private async Task OpenAsync(ulong number, uint periods)
    {
        Moment now = await _chain.NowAsync();
        Client.Deals.MarketParameters parameters = await _chain.ParametersAsync();
        PeriodNumber end = now.Period + 2 + parameters.DealPeriodsMin + periods;
        var terms = new DealTerms(new DealId(_account.Address, number), Redundancy.Default, 1000, Rate.FromUnitsUp(NodeRate), end, end, FilledMin: 1);
        var promise = new SignedAcceptance(
            new NodeId(1), _account.Address, number, 0, Root(number), terms.Leaves, terms.Rate.Encoded, terms.EndMax, new BlockNumber(now.Block.Value + 10), null, "");
        (Hash32 r, Hash32 vs) = _account.SignTypedData(AcceptanceMessage.Create(
            parameters.ChainId,
            parameters.Market,
            _account.Address,
            new TermsWord(number, promise.Rate, (ulong)promise.Leaves, End: end.Value, end.Value, N: 0, K: 0, MinFilled: 0),
            new OfferWord((byte)promise.Slot, promise.Node.Value, promise.Deadline.Value),
            promise.Root)).ToCompact();
        await _chain.OpenDealAsync(terms, [promise with { Signature = Hex.Encode([.. r.ToArray(), .. vs.ToArray()]) }]);
    }

    private static Root Root(ulong number) => new([.. Enumerable.Repeat((byte)number, Domain.Root.SizeBytes)]);

    private sealed class CountingHandler() : DelegatingHandler(new SocketsHttpHandler())
    {
        private int _calls;

        public int Calls => _calls;

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            string body = await request.Content!.ReadAsStringAsync(cancellationToken);
            Interlocked.Add(ref _calls, body.Split("\"eth_call\"").Length - 1);
            return await base.SendAsync(request, cancellationToken);
        }
    }
}
