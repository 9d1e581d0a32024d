using System.Diagnostics;
using Marketplace.Network;

namespace Marketplace.Benchmarks.Node;

/// <summary>A server under load: its process, and the clients that load it, each with its own connection.</summary>
internal sealed class Side(string name, ChildProcess process, Func<int, NodeClient> connect) : IDisposable
{
    private readonly List<NodeClient> _clients = [];

    public string Name { get; } = name;

    /// <summary>So many clients; the same ones each time.</summary>
    public IReadOnlyList<NodeClient> Clients(int count)
    {
        while (_clients.Count < count) _clients.Add(connect(_clients.Count));
        return _clients[..count];
    }

    /// <summary>Does something with so many clients at once.</summary>
    public async Task<Load> RunAsync(int clients, Func<NodeClient, int, Task> work)
    {
        IReadOnlyList<NodeClient> all = Clients(clients);
        using var self = Process.GetCurrentProcess();
        double server = process.ProcessorSeconds;
        TimeSpan client = self.TotalProcessorTime;
        long began = Stopwatch.GetTimestamp();
        await Task.WhenAll(all.Select((one, i) => Task.Run(() => work(one, i))));
        double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        self.Refresh();
        return new Load(seconds, process.ProcessorSeconds - server, (self.TotalProcessorTime - client).TotalSeconds);
    }

    public void Dispose()
    {
        foreach (NodeClient client in _clients) client.Dispose();
    }
}

/// <summary>What a load took.</summary>
/// <param name="Seconds">By the clock.</param>
/// <param name="ServerSeconds">Of the server's processor time.</param>
/// <param name="ClientSeconds">Of the clients'.</param>
internal sealed record Load(double Seconds, double ServerSeconds, double ClientSeconds)
{
    public double ProcessorSeconds => ServerSeconds + ClientSeconds;
}
