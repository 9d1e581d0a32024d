using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Marketplace.Chain;
using Marketplace.Chain.Contracts;
using Marketplace.Domain;
using Marketplace.Hosting.Http;
using Marketplace.Storage;

namespace Marketplace.Node;

/// <summary>Tells how a node is: from the running node if it runs, else from its folder and the chain.</summary>
public static class NodeStatus
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(5);

    /// <summary>Reads the status.</summary>
    /// <exception cref="MarketException">There is no registered node in the folder.</exception>
    public static async Task<NodeStatusView> ReadAsync(string dataDir, MarketContracts contracts, CancellationToken token)
    {
        NodeConfig config = NodeConfig.Read(dataDir);
        NodeRegistration registration = NodeRegistration.Read(dataDir) ?? throw NodeSetup.NotRegistered(dataDir);
        if (await AskAsync(dataDir, token) is { } running) return running;
        NodeView node = await contracts.NodeRegistry.NodeAsync(registration.Node.Value, token: token);
        Standing standing = await contracts.Lens.StandingAsync(registration.Node.Value, token: token);
        (uint period, ulong block) = await contracts.StorageMarket.CurrentAsync(token: token);
        NodeExitView? exit = null;
        if (standing.Out != 0)
        {
            MarketFacts facts = await NodeChain.ReadFactsAsync(contracts, token);
            var tip = new BlockNumber(block);
            exit = NodeExitView.Of(standing, node.Stake, await NodeChain.ReadLedgerAsync(contracts, registration.Node, tip, token), facts, tip, DateTimeOffset.UtcNow);
        }

        return Make(node, standing, exit, config) with { Block = block, Period = period, Trouble = "The node does not run." };
    }

    internal static NodeStatusView Make(NodeView node, Standing standing, NodeExitView? exit, NodeConfig config) => new(
        new NodeId(node.Id), node.Hot, node.Owner, node.Endpoint, Running: false, Block: null, Period: null,
        standing.LastProved == 0 ? null : standing.LastProved, standing.ProvedPeriods,
        TokenAmount.FromUnits(node.Stake), TokenAmount.FromUnits(standing.StakeNeeded), TokenAmount.FromUnits(standing.Earned),
        TokenAmount.FromUnits(standing.Reward), TokenAmount.FromUnits(standing.Rate), config.Price.PerGibibyteMonth,
        config.CapacityBytes, UsedBytes: null, FreeBytes: null, Shards: null, LedgerRanges: null, standing.Out != 0, exit, Trouble: null);

    private static async Task<NodeStatusView?> AskAsync(string dataDir, CancellationToken token)
    {
        string path = Path.Combine(dataDir, NodeFiles.Running);
        string passwordPath = Path.Combine(dataDir, NodeFiles.AdminPassword);
        if (!File.Exists(path) || !File.Exists(passwordPath)) return null;
        try
        {
            RunningNode running = JsonSerializer.Deserialize(await File.ReadAllTextAsync(path, token), NodeFilesJson.Default.RunningNode)!;
            string password = (await File.ReadAllTextAsync(passwordPath, token)).Trim();
            using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false }) { Timeout = s_timeout };
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(running.AdminUrl, "/v1/admin/status"));
            request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes("operator:" + password)));
            using HttpResponseMessage response = await http.SendAsync(request, token);
            return response.IsSuccessStatusCode ? await response.Content.ReadFromJsonAsync<NodeStatusView>(HostJson.Options, token) : null;
        }
        catch (Exception e) when (e is HttpRequestException or JsonException || (e is OperationCanceledException && !token.IsCancellationRequested))
        {
            // A file that a killed node left behind, or a port that somebody else has now.
            return null;
        }
    }
}
