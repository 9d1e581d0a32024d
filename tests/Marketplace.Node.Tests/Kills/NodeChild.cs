using System.Diagnostics;
using System.Text.Json;
using Marketplace.Chain;
using Marketplace.Testing;

namespace Marketplace.Node.Tests.Kills;

/// <summary>A node in a process of its own, so that SIGKILL is all that it is told.</summary>
internal sealed class NodeChild : IAsyncDisposable
{
    public const string Verb = "node-child";
    private const string Ready = "ready";

    private readonly Process _process;

    private NodeChild(Process process) => _process = process;

    /// <summary>The child's side.</summary>
    public static async Task<int> RunAsync(string dataDir, string deploymentFile)
    {
        await NodeHost.RunAsync(
            new NodeOptions
            {
                DataDir = dataDir,
                Deployment = Deployment.ReadFile(deploymentFile),
                Passphrase = RunningTestNode.Passphrase,
                LogFile = dataDir + ".log",
                Listening = _ => Console.Out.WriteLine(Ready),
            },
            CancellationToken.None);
        return 0;
    }

    /// <summary>Writes down where the market is, beside a node's folder.</summary>
    public static async Task<string> WriteDeploymentAsync(MarketFixture market, string dataDir)
    {
        string path = Path.Combine(Path.GetDirectoryName(dataDir)!, "deployment.json");
        await File.WriteAllTextAsync(path, JsonSerializer.Serialize(new
        {
            chainId = market.Deployment.ChainId,
            rpcUrl = market.Chain.Url,
            contracts = market.Deployment.Addresses.ToDictionary(pair => pair.Key, pair => pair.Value.ToString()),
        }));
        return path;
    }

    /// <summary>Starts a node and waits until it answers.</summary>
    public static async Task<NodeChild> StartAsync(string dataDir, string deploymentFile)
    {
        string program = Environment.ProcessPath!;
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, UseShellExecute = false };
        string assembly = typeof(NodeChild).Assembly.Location;
        if (Path.GetFileNameWithoutExtension(program) == "dotnet") start.ArgumentList.Add(assembly);
        foreach (string argument in new[] { Verb, dataDir, deploymentFile }) start.ArgumentList.Add(argument);
        Process process = Process.Start(start)!;
        var child = new NodeChild(process);
        try
        {
            if (await process.StandardOutput.ReadLineAsync().Within(Patience.Start, "The start of a node") == Ready) return child;
        }
        catch (TimeoutException)
        {
            await child.DisposeAsync();
            throw;
        }

        await child.DisposeAsync();
        throw new InvalidOperationException($"The node did not start; its log: {File.ReadAllText(dataDir + ".log")}");
    }

    /// <summary>SIGKILL, and waits until the kernel has done it.</summary>
    public async Task KillAsync()
    {
        if (!_process.HasExited) _process.Kill();
        await _process.WaitForExitAsync().Within(Patience.Stop, "The end of a killed node");
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process.Dispose();
    }
}
