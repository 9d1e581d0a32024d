using Marketplace.Domain;

namespace Marketplace.Gateway.Objects;

/// <summary>
/// Lets so many calls run at once, of one client and of all. Of one client some more wait in line for its own, and who would wait behind
/// too many, or comes while too many of all run, is turned away: who only waits takes the place of nobody else. Safe for use by many threads.
/// </summary>
/// <param name="runningPerClientMax">Calls of one client that run.</param>
/// <param name="perClientMax">Calls of one client that run or wait.</param>
/// <param name="runningMax">Calls of all clients that run.</param>
public abstract class ClientGate(int runningPerClientMax, int perClientMax, int runningMax)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Address, Line> _lines = [];
    private int _running;

    /// <summary>Waits for the client's turn. Null if there is no place; dispose the pass when the call is over.</summary>
    public async Task<IDisposable?> EnterAsync(Address client, CancellationToken token)
    {
        Line? line;
        lock (_lock)
        {
            if (!_lines.TryGetValue(client, out line)) line = new Line(runningPerClientMax);
            if (line.Count >= perClientMax) return null;
            _lines[client] = line;
            line.Count++;
        }

        try
        {
            await line.Turns.WaitAsync(token);
        }
        catch
        {
            Leave(client, line);
            throw;
        }

        lock (_lock)
        {
            if (_running < runningMax)
            {
                _running++;
                return new Pass(this, client, line);
            }
        }

        line.Turns.Release();
        Leave(client, line);
        return null;
    }

    private void Leave(Address client, Line line)
    {
        lock (_lock)
        {
            if (--line.Count == 0) _lines.Remove(client);
        }
    }

    private sealed class Line(int turns)
    {
        public SemaphoreSlim Turns { get; } = new(turns, turns);

        public int Count { get; set; }
    }

    private sealed class Pass(ClientGate gate, Address client, Line line) : IDisposable
    {
        private int _left;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _left, 1) != 0) return;
            lock (gate._lock) gate._running--;
            line.Turns.Release();
            gate.Leave(client, line);
        }
    }
}
