namespace Marketplace.Network;

/// <summary>How long a node may take. Each limit bounds what a hostile or sick one can cost.</summary>
public sealed record NodeClientOptions
{
    /// <summary>Largest range that one read may ask for.</summary>
    public const int RangeBytesMax = 4 << 20;

    /// <summary>Largest JSON answer that is read.</summary>
    public const int JsonBytesMax = 16 * 1024;

    /// <summary>Longest time without a byte moving.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Longest time for a small answer, and the fixed part of a large one.</summary>
    public TimeSpan AnswerTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Longest time from the last byte of an upload to the receipt: the node flushes to its disk.</summary>
    public TimeSpan FlushTimeout { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Slowest pace of a range read, beyond its fixed part.</summary>
    public long BytesPerSecondMin { get; init; } = 64 * 1024;

    /// <summary>Slowest pace at which a node re-hashes a shard for a deep report.</summary>
    public long DeepBytesPerSecondMin { get; init; } = 16 << 20;

    /// <summary>Life of the tokens that a client makes for its own calls.</summary>
    public TimeSpan TokenLife { get; init; } = TimeSpan.FromHours(1);
}
