using Marketplace.Client.Json;

namespace Marketplace.Keeper.Pinging;

/// <summary>
/// The times of pinging, all from one number: within <see cref="Frame"/> every node is asked at least once, and one that died is known to be
/// offline. Half of the frame is the pause between regular pings; the rest is for asking again and for waiting.
/// </summary>
public sealed record PingFrame
{
    /// <summary>Misses in a row that make a node offline; fewer make it suspected.</summary>
    public const int OfflineMisses = 3;

    /// <summary>Shorter frames would measure the keeper, not the nodes.</summary>
    public static readonly TimeSpan FrameMin = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan s_answerTimeoutMax = TimeSpan.FromSeconds(5);

    /// <param name="frame">The time frame.</param>
    public PingFrame(TimeSpan frame)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(frame, FrameMin);
        Frame = frame;
    }

    /// <summary>The time frame.</summary>
    public TimeSpan Frame { get; }

    /// <summary>From one regular ping of a node to the next.</summary>
    public TimeSpan Interval => Frame / 2;

    /// <summary>How soon a node that missed a ping is asked again.</summary>
    public TimeSpan RetryDelay => Frame / 16;

    /// <summary>How long an answer is waited for. An eighth of the frame, so that the interval, two retries and three waits fill it.</summary>
    public TimeSpan AnswerTimeout => Frame / 8 < s_answerTimeoutMax ? Frame / 8 : s_answerTimeoutMax;

    /// <summary>What so many misses in a row mean.</summary>
    public static NodeLiveness StateOf(int misses) => misses switch
    {
        0 => NodeLiveness.Online,
        < OfflineMisses => NodeLiveness.Suspected,
        _ => NodeLiveness.Offline,
    };

    /// <summary>Where in the interval a node stands, so that the pings of many nodes spread evenly over it.</summary>
    public TimeSpan PhaseOf(uint node)
    {
        // Multiplying by 2³²/φ spreads consecutive numbers evenly (Knuth, TAOCP 3, 6.4).
        const uint GoldenRatio = 2_654_435_769;
        return Interval * (unchecked(node * GoldenRatio) / (double)(1UL << 32));
    }
}
