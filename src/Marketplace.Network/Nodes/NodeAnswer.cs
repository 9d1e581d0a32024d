namespace Marketplace.Network;

/// <summary>How a call to a node ended. Everything but cancellation by the caller is one of these: a node cannot make a call throw.</summary>
public enum NodeOutcome
{
    /// <summary>Done, and what was answered holds.</summary>
    Ok,

    /// <summary>The node does not have it.</summary>
    NotFound,

    /// <summary>The node says no and why: <see cref="NodeRefusal"/>.</summary>
    Refused,

    /// <summary>No connection, a refused address, another certificate, or a connection that broke.</summary>
    Unreachable,

    /// <summary>A deadline passed: no progress for too long, or too little in all.</summary>
    Slow,

    /// <summary>Bytes that do not agree with the root, or the node's own word that its copy no longer does.</summary>
    WrongBytes,

    /// <summary>An answer that is not this protocol.</summary>
    Malformed,
}

/// <summary>Why a node refused, in its own words, cut and cleaned for a terminal or a log.</summary>
/// <param name="Status">The HTTP status, or 0 if the answer never came.</param>
/// <param name="Code">The code of the error body; empty if there was none.</param>
/// <param name="Message">One line for people.</param>
public sealed record NodeRefusal(int Status, string Code, string Message);

/// <summary>What a call to a node gave.</summary>
/// <param name="Outcome">How it ended.</param>
/// <param name="Value">Set exactly if the outcome is <see cref="NodeOutcome.Ok"/>.</param>
/// <param name="Refusal">Why not, otherwise.</param>
public readonly record struct NodeAnswer<T>(NodeOutcome Outcome, T? Value, NodeRefusal? Refusal)
{
    /// <summary>Whether the call did what was asked.</summary>
    public bool IsOk => Outcome == NodeOutcome.Ok;

    /// <summary>A good answer.</summary>
    public static implicit operator NodeAnswer<T>(T value) => new(NodeOutcome.Ok, value, null);
}

/// <summary>Names outcomes as JSON does.</summary>
public static class NodeOutcomes
{
    /// <summary>The reason in <c>faults</c> of JSON: <c>wrongBytes</c>, <c>slow</c> or <c>unreachable</c>.</summary>
    public static string FaultReason(this NodeOutcome outcome) => outcome switch
    {
        NodeOutcome.WrongBytes or NodeOutcome.Malformed => "wrongBytes",
        NodeOutcome.Slow => "slow",
        _ => "unreachable",
    };
}
