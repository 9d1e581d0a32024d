using Marketplace.Chain.Accounts;
using Marketplace.Client.Discovery;
using Marketplace.Client.Json;
using Marketplace.Domain;
using Marketplace.Hosting;
using Marketplace.Hosting.Options;
using Marketplace.Keeper.Api;
using Marketplace.Keeper.Indexing;
using Marketplace.Keeper.Pinging;
using Marketplace.Network;

namespace Marketplace.Keeper;

/// <summary>What the keeper knows of its chain before it starts.</summary>
/// <param name="ChainId">The chain's id.</param>
/// <param name="Market">The address of StorageMarket.</param>
/// <param name="Schedule">The market's clock.</param>
public sealed record KeeperChain(ulong ChainId, Address Market, Schedule Schedule);

/// <summary>Runs a record keeper: <c>market keeper run</c>.</summary>
public static class KeeperHost
{
    private const int ConnectionsPerAddressMax = 512;

    /// <summary>Runs until the token is cancelled or the process is told to end. Returns after an orderly end.</summary>
    /// <param name="options">What the keeper is told.</param>
    /// <param name="token">Ends it.</param>
    /// <param name="listening">Told once the API answers: where it listens, and the address whose key signs.</param>
    /// <exception cref="MarketException">The options are wrong, the key does not open, or the chain is not the one named.</exception>
    public static async Task RunAsync(KeeperOptions options, CancellationToken token, Action<Uri, Address>? listening = null)
    {
        OptionsCheck.Check<KeeperOptions, KeeperOptionsValidator>(options);
        using Account account = KeeperKey.OpenOrCreate(options.KeyPath, options.Passphrase, options.KeyStrength);
        using ChainConnection connection = await ChainConnection.OpenAsync(options, account, token);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(token);
        WebApplication app = Build(options, new AccountSigner(account), new ChainMessageVerifier(), connection.Chain, connection.Feed, TimeProvider.System);
        Task announcing = Task.CompletedTask;
        try
        {
            await MarketHost.RunAsync(
                app,
                urls =>
                {
                    if (options.AnnounceUrl is { } url) announcing = connection.AnnounceAsync(url, app.Logger, ending.Token);
                    listening?.Invoke(urls[0], account.Address);
                },
                token);
        }
        finally
        {
            await ending.CancelAsync();
            await announcing;
        }
    }

    /// <summary>The keeper as it runs, with its surroundings given.</summary>
    internal static WebApplication Build(
        KeeperOptions options, IMessageSigner signer, IMessageVerifier verifier, KeeperChain chain, IChainFeed feed, TimeProvider time)
    {
        var hosting = new MarketHostOptions
        {
            LogFile = options.LogFile,
            LogLevel = options.LogLevel,
            ConnectionsPerAddressMax = ConnectionsPerAddressMax,
            TrustedProxy = options.TrustedProxy,
            RequestLimits = options.RequestLimits,
        };
        WebApplicationBuilder builder = MarketHost.CreateBuilder(hosting);
        builder.WebHost.UseUrls(options.Listen.GetLeftPart(UriPartial.Authority));
        builder.Services.ConfigureHttpJsonOptions(json => MarketJson.Apply(json.SerializerOptions));
        builder.Services
            .AddChecked<KeeperOptions, KeeperOptionsValidator>(options)
            .AddSingleton(time)
            .AddSingleton(feed)
            .AddSingleton(new PingFrame(options.PingFrame))
            .AddSingleton(EndpointGate.ForChain(chain.ChainId))
            .AddSingleton(verifier)
            .AddSingleton(_ => new KeeperStore(options.DatabasePath, ScopeOf(chain, options)))
            .AddSingleton(services => new KeeperQueries(services.GetRequiredService<KeeperStore>(), chain.Schedule, time))
            .AddSingleton(new SignedAnswers(signer))
            .AddSingleton<KeeperMetrics>()
            .AddSingleton<RegistryChanges>()
            .AddSingleton<INodePing>(services => new PinnedNodePing(
                services.GetRequiredService<EndpointGate>(), new MarketScope(chain.ChainId, chain.Market), services.GetRequiredService<PingFrame>(),
                services.GetRequiredService<IMessageVerifier>(), time))
            .AddSingleton<Indexer>()
            .AddHostedService(services => services.GetRequiredService<Indexer>())
            .AddHostedService<Pinger>();

        WebApplication app = builder.Build();
        app.UseMarketDefaults(hosting);
        KeeperApi.Map(app);
        app.MapMetrics();
        app.MapHealth(_ =>
        {
            var health = KeeperHealth.Read(
                app.Services.GetRequiredService<KeeperQueries>(), app.Services.GetRequiredService<Indexer>(), chain.ChainId, signer.Address);
            return ValueTask.FromResult((health.Status == "ok", health));
        });
        return app;
    }

    /// <summary>A database belongs to one market on one chain.</summary>
    private static string ScopeOf(KeeperChain chain, KeeperOptions options) =>
        $"{chain.ChainId}/" + string.Join('/', KeeperOptionsValidator.ContractsNeeded.Select(name => options.Deployment[name].ToString()));
}
