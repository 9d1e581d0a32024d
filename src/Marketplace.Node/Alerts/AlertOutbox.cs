using System.Text.Json;
using Marketplace.Domain;
using Marketplace.Hosting;
using Marketplace.Storage;
using Microsoft.Extensions.Logging;

namespace Marketplace.Node;

/// <summary>
/// Tells the operator's webhook when an alert begins and when it is over, once each and in order. What is raised and what waits to be told
/// lies beside the shards, so that a restart repeats nothing and forgets nothing.
/// </summary>
internal sealed partial class AlertOutbox(NodeId node, ShardDepot depot, Webhook? webhook, NodeLimits limits, TimeProvider time, ILogger<AlertOutbox> log)
{
    private const string Fact = "alerts";

    private static readonly TimeSpan s_pauseMin = TimeSpan.FromSeconds(5);

    private readonly HashSet<string> _seenBefore = new(StringComparer.Ordinal);
    private readonly SteadyClock _clock = new(time);
    private TimeSpan _pause;
    private DateTimeOffset _quietUntil;

    /// <summary>
    /// Compares what is wrong now with what was told. Something counts as begun or as over when two looks in a row say so: what comes and
    /// goes in between wakes nobody.
    /// </summary>
    public void Look(IReadOnlyList<NodeAlert> now)
    {
        if (webhook is null) return;
        State state = Read();
        DateTimeOffset at = time.GetUtcNow();
        var raised = state.Raised.ToDictionary(alert => alert.Key, StringComparer.Ordinal);
        var waiting = new List<AlertMessage>(state.Waiting);
        foreach (NodeAlert alert in now.Where(alert => !raised.ContainsKey(alert.Key) && _seenBefore.Contains(alert.Key)))
        {
            raised.Add(alert.Key, alert);
            waiting.Add(AlertMessage.Make(node, AlertChange.Raised, alert, at));
        }

        HashSet<string> seen = [.. now.Select(alert => alert.Key)];
        foreach (NodeAlert alert in state.Raised.Where(alert => !seen.Contains(alert.Key) && !_seenBefore.Contains(alert.Key)))
        {
            raised.Remove(alert.Key);
            waiting.Add(AlertMessage.Make(node, AlertChange.Cleared, alert, at));
        }

        _seenBefore.Clear();
        _seenBefore.UnionWith(seen);
        if (waiting.Count == state.Waiting.Count) return;
        if (waiting.Count > limits.AlertsWaitingMax)
        {
            LogFull(waiting.Count - limits.AlertsWaitingMax);
            waiting.RemoveRange(0, waiting.Count - limits.AlertsWaitingMax);
        }

        Write(new State([.. raised.Values], waiting));
    }

    /// <summary>Sends what waits, the oldest first, until one does not arrive; then longer and longer pauses lie between two tries.</summary>
    public async Task DeliverAsync(CancellationToken token)
    {
        if (webhook is null || _clock.Now < _quietUntil) return;
        while (Read() is { Waiting.Count: > 0 } state)
        {
            AlertMessage first = state.Waiting[0];
            if (await webhook.SendAsync(first, token) is { } why)
            {
                _pause = _pause == TimeSpan.Zero ? s_pauseMin : TimeSpan.FromTicks(Math.Min(_pause.Ticks * 2, limits.AlertPauseMax.Ticks));
                _quietUntil = _clock.Now + _pause;
                LogNotTold(first.Alert, why, _pause.TotalSeconds);
                return;
            }

            _pause = TimeSpan.Zero;
            Write(state with { Waiting = [.. state.Waiting.Skip(1)] });
            LogTold(first.Alert, first.Change);
        }
    }

    private State Read() => depot.Catalogue.Fact(Fact) is { } text ? JsonSerializer.Deserialize(text, NodeFilesJson.Default.AlertState)! : new State([], []);

    private void Write(State state) => depot.Catalogue.SetFact(Fact, JsonSerializer.Serialize(state, NodeFilesJson.Default.AlertState));

    /// <summary>What lies beside the shards.</summary>
    internal sealed record State(IReadOnlyList<NodeAlert> Raised, IReadOnlyList<AlertMessage> Waiting);

    [LoggerMessage(2602, LogLevel.Information, "Told the operator: {Alert} {Change}")]
    private partial void LogTold(string alert, AlertChange change);

    [LoggerMessage(2603, LogLevel.Warning, "The operator's webhook was not told of {Alert}: {Why}. Trying again in {Seconds} s")]
    private partial void LogNotTold(string alert, string why, double seconds);

    [LoggerMessage(2604, LogLevel.Warning, "Too many messages wait for the operator's webhook: the oldest {Count} are dropped")]
    private partial void LogFull(int count);
}
