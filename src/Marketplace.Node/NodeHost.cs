using System.Net;
using System.Text.Json;
using Hangfire;
using Marketplace.Chain;
using Marketplace.Chain.Contracts;
using Marketplace.Domain;
using Marketplace.Hosting;
using Marketplace.Hosting.Http;
using Marketplace.Network;
using Marketplace.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Marketplace.Node;

/// <summary>The storage node as a process: takes shards, gives them, proves them.</summary>
public static class NodeHost
{
    /// <summary>Runs the node of a folder until SIGTERM, SIGINT or the token.</summary>
    /// <exception cref="MarketException">The folder holds no registered node, the passphrase is wrong, or the chain is another one.</exception>
    public static async Task RunAsync(NodeOptions options, CancellationToken token)
    {
        NodeConfig config = NodeConfig.Read(options.DataDir);
        NodeRegistration registration = NodeRegistration.Read(options.DataDir) ?? throw NodeSetup.NotRegistered(options.DataDir);
        NodeLimits limits = options.Limits ?? new NodeLimits();
        using var keys = NodeKeys.Open(options.DataDir, options.Passphrase);
        MarketContracts contracts = await MarketContracts.ConnectAsync(options.Deployment, keys.Hot, options.RpcUrl, token);
        using var chain = new NodeChain(contracts, registration.Node, await NodeChain.ReadFactsAsync(contracts, token));
        if (chain.Facts.Scope != new MarketScope(registration.ChainId, registration.Market))
        {
            throw new MarketException(MarketErrorCode.Usage, $"The node is registered with the market {registration.Market} on chain {registration.ChainId}, not with this one.");
        }

        await AgreeWithRegistryAsync(chain, config, keys, token);
        string owner = VolumeStores.OwnerOf(registration);
        await using ShardDepot depot = await ShardDepot.OpenAsync(
            new DepotOptions(Path.Combine(options.DataDir, NodeFiles.Depot), config.CapacityBytes) { Owner = owner }, [], options.Time, token);

        var hostOptions = new MarketHostOptions
        {
            LogFile = options.LogFile,
            LogLevel = options.LogLevel,
            ConnectionsMax = limits.ConnectionsMax + limits.AdminConnectionsMax,
            RequestLimits = new RequestLimits(limits.RequestsPerSecondMax, limits.RequestBurstMax),
        };
        using Webhook? webhook = Webhook.Of(config, options.DataDir, options.Time);
        WebApplication app = Build(hostOptions, config, limits, keys, chain, depot, owner, webhook, options);
        string running = Path.Combine(options.DataDir, NodeFiles.Running);
        try
        {
            await app.Services.GetRequiredService<NodeVolumes>().StartAsync(config.Volumes, token);
            await app.Services.GetRequiredService<NodeWorker>().LookAsync(token);
            await MarketHost.RunAsync(app, addresses => Announce(addresses, options, registration.Node, config, running), token);
        }
        finally
        {
            File.Delete(running);
        }
    }

    private static WebApplication Build(
        MarketHostOptions hostOptions, NodeConfig config, NodeLimits limits, NodeKeys keys, NodeChain chain, ShardDepot depot, string owner, Webhook? webhook, NodeOptions options)
    {
        WebApplicationBuilder builder = MarketHost.CreateBuilder(hostOptions);
        // Bytes that came are decrypted and stored by the thread that got them; nothing in the way of a request blocks it.
        builder.WebHost.UseSockets(sockets => sockets.UnsafePreferInlineScheduling = true);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.RequestHeadersTimeout = limits.HeadersTimeMax;
            kestrel.Limits.MinResponseDataRate = new MinDataRate(limits.ReadBytesPerSecondMin, limits.ReadGrace);
            kestrel.Listen(config.Listen, listen =>
            {
                kestrel.ApplicationServices.GetRequiredService<ConnectionGate>().Use(listen);
                listen.Protocols = HttpProtocols.Http1;
                listen.UseBulkTls(tls => tls.UseHttps(keys.Certificate, https => https.HandshakeTimeout = limits.HandshakeTimeMax));
            });
            kestrel.Listen(config.Admin, listen => listen.Use(next => connection =>
            {
                connection.Items[AdminEndpoints.ConnectionMark] = true;
                return next(connection);
            }));
        });
        builder.Logging.AddFilter("Hangfire", LogLevel.Error);
        builder.Services
            .AddSingleton(options.Time).AddSingleton(config).AddSingleton(limits).AddSingleton(keys.Hot).AddSingleton(chain).AddSingleton(depot)
            .AddSingleton<NodePulse>().AddSingleton<FaultDuties>().AddSingleton<NodeWorker>().AddSingleton<StrikeReporter>().AddSingleton<RepairWorker>().AddSingleton<TokenGate>().AddSingleton<ClientFunds>().AddSingleton<ProvingJob>().AddSingleton<RepairJob>().AddSingleton<RebuildJob>().AddSingleton<ScrubJob>().AddSingleton<SettleJob>()
            .AddSingleton<SpokenStake>().AddSingleton<AcceptanceEndpoint>().AddSingleton<UploadEndpoints>().AddSingleton<ShardEndpoints>().AddSingleton<AboutEndpoints>().AddSingleton<StatusReader>().AddSingleton<ProofHistory>().AddSingleton<OverviewReader>()
            .AddSingleton<AlertReader>().AddSingleton<EarningsBook>().AddSingleton<OnlineRecord>().AddSingleton<WatchJob>().AddSingleton<NodeBandwidth>().AddSingleton<NodeMetrics>()
            // The operator's port has none, so that nobody can lock the operator out.
            .AddSingleton(new ConnectionGate(limits.ConnectionsMax, limits.ConnectionsPerAddressMax))
            .AddSingleton(services => new AlertOutbox(chain.Node, depot, webhook, limits, services.GetRequiredService<TimeProvider>(), services.GetRequiredService<ILogger<AlertOutbox>>()))
            .AddSingleton(services => ActivatorUtilities.CreateInstance<NodeVolumes>(services, options.DataDir, owner)).AddSingleton<VolumeEndpoints>().AddHostedService<VolumeWorker>()
            .AddSingleton<AdminEndpoints>()
            .AddNodeJobs(chain.Node)
            .AddHostedService<ChainWatch>();

        WebApplication app = builder.Build();
        app.UseMarketDefaults(hostOptions);
        var password = AdminPassword.FromFile(Path.Combine(options.DataDir, NodeFiles.AdminPassword));
        app.MapWhen(
            context => context.Features.Get<IConnectionItemsFeature>()?.Items.ContainsKey(AdminEndpoints.ConnectionMark) == true,
            admin => app.Services.GetRequiredService<AdminEndpoints>().Map(admin, password, app.Services.GetRequiredService<JobStorage>()));
        app.UseRouting();
        app.Services.GetRequiredService<AboutEndpoints>().Map(app);
        app.Services.GetRequiredService<UploadEndpoints>().Map(app);
        app.Services.GetRequiredService<ShardEndpoints>().Map(app);
        NodeJobs.Schedule(app.Services.GetRequiredService<IRecurringJobManager>(), chain.Facts.Schedule.BlockSeconds);
        return app;
    }

    /// <summary>The register must name this node's key; endpoint, certificate, price and capacity follow the settings.</summary>
    private static async Task AgreeWithRegistryAsync(NodeChain chain, NodeConfig config, NodeKeys keys, CancellationToken token)
    {
        NodeView node = await chain.RegisteredAsync(token);
        if (node.Hot != keys.Hot.Address)
        {
            throw new MarketException(MarketErrorCode.Usage, $"Node {chain.Node} has another hot key on chain: {node.Hot}.", "Its owner can set this one, or register this folder anew.");
        }

        uint capacity = NodeSetup.CapacityMiB(config.CapacityBytes);
        ulong price = (ulong)config.Price.PerGibibyteMonth.Units;
        if (node.Fingerprint != keys.Fingerprint.Sha256 || node.Endpoint != config.Url.ToString())
        {
            await chain.Contracts.NodeRegistry.SetEndpointAsync(chain.Node.Value, keys.Fingerprint.Sha256, config.Url.ToString(), token: token);
        }

        if (node.Price != price || node.CapacityMiB != capacity) await chain.Contracts.NodeRegistry.SetOfferAsync(chain.Node.Value, price, capacity, token: token);
    }

    private static void Announce(IReadOnlyList<Uri> addresses, NodeOptions options, NodeId id, NodeConfig config, string running)
    {
        Uri admin = addresses.First(address => address.Scheme == Uri.UriSchemeHttp);
        NodeFiles.Write(running, JsonSerializer.Serialize(new RunningNode(Environment.ProcessId, config.Url.Uri, admin), NodeFilesJson.Default.RunningNode));
        options.Listening?.Invoke(new NodeListening(id, config.Url.Uri, admin));
    }
}
