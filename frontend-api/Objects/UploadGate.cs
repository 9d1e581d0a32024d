using Marketplace.Domain;

namespace Marketplace.Gateway.Objects;

/// <summary>
/// Lets one upload of a client through at a time, because each opens the client's next numbered deal; uploads of different clients
/// run side by side. Who would wait behind too many is turned away. Safe for use by many threads.
/// </summary>
public sealed class UploadGate(int perClientMax = UploadGate.PerClientMaxDefault, int totalMax = UploadGate.TotalMaxDefault)
{
    /// <summary>Uploads of one client that run or wait.</summary>
    public const int PerClientMaxDefault = 8;

    /// <summary>Uploads of all clients that run or wait.</summary>
    public const int TotalMaxDefault = 64;

    private readonly Lock _lock = new();
    private readonly Dictionary<Address, Line> _lines = [];
    private int _total;

    /// <summary>Waits for the client's turn. Null at once if too many wait; dispose the pass when the upload is over.</summary>
    public async Task<IDisposable?> EnterAsync(Address client, CancellationToken token)
    {
        Line? line;
        lock (_lock)
        {
            if (!_lines.TryGetValue(client, out line)) line = new Line();
            if (_total >= totalMax || line.Count >= perClientMax) return null;
            _lines[client] = line;
            line.Count++;
            _total++;
        }

        try
        {
            await line.Turn.WaitAsync(token);
        }
        catch
        {
            Leave(client, line);
            throw;
        }

        return new Pass(this, client, line);
    }

    private void Leave(Address client, Line line)
    {
        lock (_lock)
        {
            _total--;
            if (--line.Count == 0) _lines.Remove(client);
        }
    }

    private sealed class Line
    {
        public SemaphoreSlim Turn { get; } = new(1, 1);

        public int Count { get; set; }
    }

    private sealed class Pass(UploadGate gate, Address client, Line line) : IDisposable
    {
        private int _left;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _left, 1) != 0) return;
            line.Turn.Release();
            gate.Leave(client, line);
        }
    }
}
