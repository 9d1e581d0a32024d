using System.Collections.Concurrent;
using System.Net;

namespace Marketplace.Network;

/// <summary>
/// Looks names of strangers up. The system's look-up holds a thread until a name server answers and cannot be ended, so each has a thread
/// of its own, few run at once, and whoever asks for a name waits for the look-up of it that runs already. A name that took long is left
/// alone for a while, with whatever came of it. Safe for concurrent calls.
/// </summary>
/// <param name="resolve">One look-up.</param>
/// <param name="time">The clock.</param>
public sealed class NameLookups(Func<string, Task<IPAddress[]>> resolve, TimeProvider time)
{
    /// <summary>Look-ups, and so threads, at once.</summary>
    public const int AtOnceMax = 16;

    /// <summary>A look-up that takes as long is slow.</summary>
    public static readonly TimeSpan SlowAfter = TimeSpan.FromSeconds(2);

    /// <summary>How long what came of a slow look-up stands.</summary>
    public static readonly TimeSpan SlowFor = TimeSpan.FromMinutes(5);

    private readonly ConcurrentDictionary<string, Lazy<Task<IPAddress[]>>> _names = new(StringComparer.OrdinalIgnoreCase);
    private readonly SemaphoreSlim _turns = new(AtOnceMax);

    /// <summary>The look-ups of this process, which share its threads.</summary>
    public static NameLookups OfSystem { get; } = new(
        static host => Task.Factory.StartNew(
            () => Dns.GetHostAddresses(host),
            CancellationToken.None,
            TaskCreationOptions.LongRunning | TaskCreationOptions.RunContinuationsAsynchronously,
            TaskScheduler.Default),
        TimeProvider.System);

    /// <summary>The addresses of a name. The token ends the wait, not the look-up.</summary>
    /// <exception cref="System.Net.Sockets.SocketException">The name has none.</exception>
    public Task<IPAddress[]> FindAsync(string host, CancellationToken token) =>
        _names.GetOrAdd(host, static (name, self) => new Lazy<Task<IPAddress[]>>(() => self.LookUpAsync(name)), this).Value.WaitAsync(token);

    private async Task<IPAddress[]> LookUpAsync(string host)
    {
        await _turns.WaitAsync();
        long began = time.GetTimestamp();
        try
        {
            return await resolve(host);
        }
        finally
        {
            _turns.Release();
            if (time.GetElapsedTime(began) < SlowAfter) _names.TryRemove(host, out _);
            else _ = ForgetLaterAsync(host);
        }
    }

    private async Task ForgetLaterAsync(string host)
    {
        await Task.Delay(SlowFor, time);
        _names.TryRemove(host, out _);
    }
}
