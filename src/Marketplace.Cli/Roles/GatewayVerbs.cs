using System.CommandLine;
using System.Net;
using Marketplace.Commands.Homes;
using Marketplace.Commands.Settings;
using Marketplace.Commands.Shell;
using Marketplace.Commands.Wallet;
using Marketplace.Domain;
using Marketplace.Gateway;
using Marketplace.Hosting;

namespace Marketplace.Cli.Roles;

/// <summary>What <c>gateway init</c> answers: the operator, who needs the chain's coin for gas.</summary>
internal sealed record GatewayMadeReport(Address Address, string DataDir);

/// <summary><c>market gateway init|run</c>.</summary>
internal static class GatewayVerbs
{
    private static readonly IPEndPoint s_listen = new(IPAddress.Loopback, 8080);

    public static Command Group() => new VerbGroup("gateway", "Serve the market over plain HTTP, for browsers and programs.") { Init(), Run() };

    private static Verb Init()
    {
        Option<string> data = RoleRun.DataOption("gateway");
        return new Verb("init", "Make a gateway's folder and its operator account.") { data }
            .Example("gateway init --data /srv/gateway")
            .Runs(run => InitAsync(run, Path.GetFullPath(run.GetRequired(data))));
    }

    private static Verb Run()
    {
        Option<string> data = RoleRun.DataOption("gateway");
        Option<IPEndPoint> listen = RoleRun.ListenOption(s_listen);
        Option<string?> url = new("--url") { Description = "The address that clients are given and sign in for, if it is not the one listened on.", HelpName = "URL" };
        Option<string?> publicRpc = new("--public-rpc") { Description = "An RPC endpoint of the chain to tell clients about; the gateway does not use it.", HelpName = "URL" };
        Option<string[]> origins = new("--allow-origin") { Description = "Origin of a web page whose scripts may call the gateway; may be given again.", HelpName = "ORIGIN" };
        Option<string?> log = RoleRun.LogOption();
        return new Verb("run", "Run the gateway until Ctrl-C; folder and operator are made if they are missing.") { data, listen, url, publicRpc, origins, GlobalOptions.Of(SettingsTable.TrustedProxy), log }
            .Example("gateway run --data /srv/gateway --listen 127.0.0.1:8080 --url https://market.example.org --trusted-proxy 127.0.0.1")
            .Runs(run => RunAsync(run, Path.GetFullPath(run.GetRequired(data)), run.GetRequired(listen), run.Get(url), run.Get(publicRpc), run.Get(origins) ?? [], run.Get(log)));
    }

    private static async Task InitAsync(VerbRun run, string dataDir)
    {
        Address address = await GatewaySetup.InitAsync(dataDir, Passphrases.Choose(run.Settings, "the operator's key"), token: run.Cancellation);
        run.Output.Write(new GatewayMadeReport(address, dataDir), text =>
        {
            text.Line($"The operator is {address}: send it some of the chain's coin for gas. Clients let it lock money by");
            text.Line($"  market allow {address} AMOUNT --for DURATION");
        });
    }

    private static async Task RunAsync(VerbRun run, string dataDir, IPEndPoint listen, string? url, string? publicRpc, string[] origins, string? log)
    {
        BatchScheduling.Ask();
        if (url is not null && RoleRun.ReadUrl(url) is null) throw new MarketException(MarketErrorCode.Usage, $"'{url}' is not an address", "write https://market.example.org");
        if (publicRpc is not null && RoleRun.ReadUrl(publicRpc) is null) throw new MarketException(MarketErrorCode.Usage, $"'{publicRpc}' is not an endpoint to publish", "write https://rpc.example.org");
        IPAddress? proxy = RoleRun.TrustedProxyOf(run.Settings);
        string passphrase;
        if (File.Exists(Path.Combine(dataDir, GatewaySetup.OperatorFileName)))
        {
            passphrase = Passphrases.Get(run.Settings, dataDir);
        }
        else
        {
            passphrase = Passphrases.Choose(run.Settings, "the operator's key");
            Address address = await GatewaySetup.InitAsync(dataDir, passphrase, token: run.Cancellation);
            run.Output.Note($"made the operator {address}: it needs some of the chain's coin for gas");
        }

        var options = new GatewayOptions
        {
            DataDir = dataDir,
            Passphrase = passphrase,
            RpcUrl = run.Home.RpcUrl,
            Contracts = (await run.FindDeploymentAsync()).Addresses,
            Listen = listen,
            TrustedProxy = proxy,
            Url = RoleRun.ReadUrl(url),
            PublicRpcUrl = RoleRun.ReadUrl(publicRpc),
            Keepers = RoleRun.KeepersOf(run.Settings),
            AllowedOrigins = origins,
            LogFile = log,
            Listening = address => run.Output.Note($"gateway answers at {address}"),
        };
        await RoleRun.RunHostAsync(run, token => GatewayHost.RunAsync(options, token));
    }
}
