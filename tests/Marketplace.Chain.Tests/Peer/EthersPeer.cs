using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Marketplace.Testing;

namespace Marketplace.Chain.Tests.Peer;

/// <summary>ethers 6 in a Node process, asked line by line.</summary>
public sealed class EthersPeer : IDisposable
{
    private readonly Process _process;
    private readonly Lock _turn = new();

    public EthersPeer()
    {
        ProcessStartInfo start = new(Repository.Tool("node"), Path.Combine(Repository.Root, "tests", "Marketplace.Chain.Tests", "Peer", "ethers-peer.mjs"))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        _process = Process.Start(start) ?? throw new InvalidOperationException("Node did not start.");
    }

    /// <summary>One question and its answer; an exception of ethers becomes an exception here.</summary>
    public JsonElement Ask(string method, JsonObject request)
    {
        request["method"] = method;
        lock (_turn)
        {
            _process.StandardInput.WriteLine(request.ToJsonString());
            _process.StandardInput.Flush();
            string line = ReadLine() ?? throw new InvalidOperationException("ethers went away.");
            JsonElement answer = JsonDocument.Parse(line).RootElement;
            return answer.TryGetProperty("error", out JsonElement error) ? throw new InvalidOperationException($"ethers: {error}") : answer.GetProperty("result");
        }
    }

    private string? ReadLine()
    {
        using CancellationTokenSource limit = new(Patience.Tool);
        return _process.StandardOutput.ReadLineAsync(limit.Token).AsTask().GetAwaiter().GetResult();
    }

    public string AskText(string method, JsonObject request) => Ask(method, request).GetString()!;

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        _process.Dispose();
    }
}
