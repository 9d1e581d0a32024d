using System.Collections.Concurrent;
using Marketplace.Client.Json;
using Marketplace.Domain;
using Marketplace.Network;

namespace Marketplace.Client.Reading;

/// <summary>
/// What was learned about nodes while reading from them: who is fast, who is busy, who failed and why.
/// One for a session; safe for many threads.
/// </summary>
public sealed class NodeHealth(TimeProvider time)
{
    // A new sample weighs a quarter: a slow answer is soon noticed and soon forgiven.
    private const double SampleWeight = 0.25;

    private readonly ConcurrentDictionary<NodeId, State> _states = new();
    private readonly ConcurrentDictionary<NodeFault, byte> _faults = new();

    /// <summary>Every fault seen so far, each once.</summary>
    public IReadOnlyList<NodeFault> Faults => [.. _faults.Keys.OrderBy(fault => fault.Node).ThenBy(fault => fault.Reason)];

    /// <summary>Whether a node answered or failed last; null if it was not asked.</summary>
    public bool? IsOnline(NodeId node) => _states.TryGetValue(node, out State? state) ? state.Answered : null;

    /// <summary>Puts those first that answered, then those that are less busy, then the fast ones.</summary>
    public IOrderedEnumerable<T> BestFirst<T>(IEnumerable<T> holders, Func<T, NodeId> nodeOf) =>
        holders.OrderBy(holder => Of(nodeOf(holder)).Rank);

    /// <summary>Says that a node is being asked; give the result to <see cref="Ended{T}"/>.</summary>
    public long Began(NodeId node)
    {
        Interlocked.Increment(ref Of(node).Busy);
        return time.GetTimestamp();
    }

    /// <summary>Says how a call ended.</summary>
    public void Ended<T>(NodeId node, long began, NodeAnswer<T> answer)
    {
        State state = Of(node);
        Interlocked.Decrement(ref state.Busy);
        lock (state)
        {
            if (answer.IsOk)
            {
                double seconds = time.GetElapsedTime(began).TotalSeconds;
                state.Seconds = state.Seconds is { } known ? known + (SampleWeight * (seconds - known)) : seconds;
                state.Failures = 0;
                state.Answered = true;
                return;
            }

            state.Failures++;
            if (answer.Outcome is NodeOutcome.Unreachable or NodeOutcome.Slow) state.Answered = false;
        }

        Blame(node, ReasonOf(answer.Outcome));
    }

    /// <summary>Says that the caller no longer wanted the answer.</summary>
    public void Abandoned(NodeId node) => Interlocked.Decrement(ref Of(node).Busy);

    /// <summary>Notes a fault.</summary>
    public void Blame(NodeId node, FaultReason reason) => _faults.TryAdd(new NodeFault(node, reason), 0);

    /// <summary>The word for an outcome that is none.</summary>
    public static FaultReason ReasonOf(NodeOutcome outcome) => outcome switch
    {
        NodeOutcome.WrongBytes or NodeOutcome.Malformed => FaultReason.WrongBytes,
        NodeOutcome.Slow => FaultReason.Slow,
        _ => FaultReason.Unreachable,
    };

    private State Of(NodeId node) => _states.GetOrAdd(node, static _ => new State());

    private sealed class State
    {
        public int Busy;

        public double? Seconds { get; set; }

        public int Failures { get; set; }

        public bool? Answered { get; set; }

        public (int Failures, int Busy, double Seconds) Rank => (Failures, Busy, Seconds ?? 0);
    }
}
