using System.Net;
using System.Net.Sockets;

namespace Marketplace.Testing;

/// <summary>Carries connections to a port of this machine, until it is cut: then those that are open break, and new ones are closed at once.</summary>
public sealed class Wire : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly HashSet<Socket> _open = [];
    private readonly Lock _lock = new();
    private bool _cut;

    /// <summary>A wire from a free port to another, which need not listen yet.</summary>
    public Wire(int targetPort)
    {
        TargetPort = targetPort;
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _ = AcceptAsync();
    }

    /// <summary>Where it leads.</summary>
    public int TargetPort { get; }

    /// <summary>Where it begins.</summary>
    public int Port { get; }

    /// <summary>Bytes a second that each connection carries towards the target; null for as many as come.</summary>
    public int? Pace { get; set; }

    /// <summary>Breaks what is open and lets nothing through.</summary>
    public void Cut()
    {
        lock (_lock)
        {
            _cut = true;
            foreach (Socket socket in _open) socket.Close(0);
            _open.Clear();
        }
    }

    /// <summary>Lets new connections through again.</summary>
    public void Mend()
    {
        lock (_lock) _cut = false;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _stop.Cancel();
        _listener.Dispose();
        Cut();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                Socket near = await _listener.AcceptSocketAsync(_stop.Token);
                _ = CarryAsync(near);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task CarryAsync(Socket near)
    {
        using var far = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            lock (_lock)
            {
                if (_cut) return;
                _open.Add(near);
                _open.Add(far);
            }

            await far.ConnectAsync(IPAddress.Loopback, TargetPort, _stop.Token);
            await Task.WhenAny(CopyAsync(near, far, () => Pace), CopyAsync(far, near, static () => null));
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // A cut wire looks like this.
        }
        finally
        {
            lock (_lock)
            {
                _open.Remove(near);
                _open.Remove(far);
            }

            near.Dispose();
        }
    }

    private static async Task CopyAsync(Socket from, Socket to, Func<int?> pace)
    {
        byte[] buffer = new byte[64 * 1024];
        try
        {
            while (true)
            {
                int read = await from.ReceiveAsync(buffer);
                if (read == 0) return;
                for (int sent = 0; sent < read;) sent += await to.SendAsync(buffer.AsMemory(sent, read - sent));
                if (pace() is { } most) await Task.Delay(TimeSpan.FromSeconds((double)read / most));
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // Either end is gone; the other follows.
        }
    }
}
