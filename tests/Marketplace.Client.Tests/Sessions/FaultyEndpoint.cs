using System.Text;
using System.Text.Json.Nodes;
using Marketplace.Chain;
using Marketplace.Chain.Accounts;
using Marketplace.Chain.Rpc;
using Marketplace.Chain.Transactions;
using Marketplace.Client.Deals;
using Marketplace.Client.Sessions;
using Marketplace.Client.Tests.Catalogues;

namespace Marketplace.Client.Tests.Sessions;

/// <summary>The way to a real chain, with the faults of endpoints: state that is behind, receipts that are not given, a call while something is sent.</summary>
internal sealed class FaultyEndpoint() : DelegatingHandler(new SocketsHttpHandler())
{
    private static readonly TransactionPolicy s_policy = new() { PollInterval = TimeSpan.FromMilliseconds(20), Deadline = TimeSpan.FromSeconds(1) };

    private volatile int _sent;

    /// <summary>The block whose state is given for the newest; null for the newest.</summary>
    public ulong? StandsAt { get; set; }

    /// <summary>From which transaction on no receipt is given; 0 for giving all.</summary>
    public int NoReceiptFrom { get; set; }

    /// <summary>Transactions that were handed on.</summary>
    public int Sent => _sent;

    /// <summary>Called before a transaction is handed on.</summary>
    public Action Sending { get; set; } = () => { };

    /// <summary>A client whose every call goes this way.</summary>
    public async Task<(StorageClient Client, IDisposable Session)> OpenAsync(RunningMarket market, Account account, TimeProvider? time = null)
    {
        var web3 = new Web3(account, new RpcClient([new Uri(market.Chain.Url)], handler: this), s_policy);
        MarketSession session = await MarketSession.OpenAsync(new MarketChain(new MarketContracts(web3, market.Deployment)), account, new MarketSessionOptions { Time = time ?? TimeProvider.System });
        return (session.ClientOf(account.Address, Bundles.Keys(), null), session);
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        JsonNode body = JsonNode.Parse(await request.Content!.ReadAsStringAsync(cancellationToken))!;
        JsonArray calls = body as JsonArray ?? [body.DeepClone()];
        foreach (JsonNode? call in calls)
        {
            switch ((string?)call!["method"])
            {
                case "eth_call" when StandsAt is { } block && (string?)call["params"]![1] == "latest":
                    call["params"]![1] = $"0x{block:x}";
                    break;
                case "eth_sendRawTransaction":
                    Interlocked.Increment(ref _sent);
                    Sending();
                    break;
                case "eth_getTransactionReceipt" when NoReceiptFrom > 0 && _sent >= NoReceiptFrom:
                    call["params"]![0] = "0x" + new string('0', 64);
                    break;
            }
        }

        request.Content = new StringContent((body is JsonArray ? calls : calls[0]!).ToJsonString(), Encoding.UTF8, "application/json");
        return await base.SendAsync(request, cancellationToken);
    }
}
