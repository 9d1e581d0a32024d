using System.CommandLine;
using System.Net;
using Marketplace.Commands.Homes;
using Marketplace.Commands.Settings;
using Marketplace.Commands.Shell;
using Marketplace.Commands.Wallet;
using Marketplace.Domain;
using Marketplace.Hosting;
using Marketplace.Keeper;

namespace Marketplace.Cli.Roles;

/// <summary><c>market keeper run</c>.</summary>
internal static class KeeperVerbs
{
    private static readonly IPEndPoint s_listen = new(IPAddress.Loopback, 4700);

    public static Command Group() => new VerbGroup("keeper", "Record who stores, who is online and who is good.") { Run() };

    private static Verb Run()
    {
        Option<string> data = RoleRun.DataOption("keeper");
        Option<IPEndPoint> listen = RoleRun.ListenOption(s_listen);
        Option<string?> announce = new("--announce") { Description = "The address to announce on the chain's register; nothing is announced without it.", HelpName = "URL" };
        Option<DurationWord> frame = Words.Duration("--ping-frame", "Each node is asked at least once in this time.", TimeSpan.FromSeconds(60));
        Option<string?> log = RoleRun.LogOption();
        return new Verb("run", "Run a record keeper until Ctrl-C; its folder and key are made at the first start.") { data, listen, announce, frame, GlobalOptions.Of(SettingsTable.TrustedProxy), log }
            .Example("keeper run --data /srv/keeper --listen 127.0.0.1:4700 --announce https://keeper.example.org")
            .Runs(run => RunAsync(run, Path.GetFullPath(run.GetRequired(data)), run.GetRequired(listen), run.Get(announce), run.Get(frame).Value, run.Get(log)));
    }

    private static async Task RunAsync(VerbRun run, string dataDir, IPEndPoint listen, string? announce, TimeSpan frame, string? log)
    {
        BatchScheduling.Ask();
        if (announce is not null && RoleRun.ReadUrl(announce) is null)
            throw new MarketException(MarketErrorCode.Usage, $"'{announce}' is not an address to announce", "write https://keeper.example.org");
        var options = new KeeperOptions
        {
            DataDir = dataDir,
            Listen = new Uri($"http://{listen}"),
            TrustedProxy = RoleRun.TrustedProxyOf(run.Settings),
            Deployment = await run.FindDeploymentAsync(),
            RpcUrl = run.Home.RpcUrl,
            Passphrase = "",
            PingFrame = frame,
            AnnounceUrl = RoleRun.ReadUrl(announce),
            LogFile = log,
        };
        bool isNew = !File.Exists(options.KeyPath);
        options = options with { Passphrase = isNew ? Passphrases.Choose(run.Settings, "the keeper's key") : Passphrases.Get(run.Settings, dataDir) };
        await RoleRun.RunHostAsync(run, token => KeeperHost.RunAsync(options, token, (url, address) => run.Output.Note($"keeper {address} answers at {url}")));
    }
}
