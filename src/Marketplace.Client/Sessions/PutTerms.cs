using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Client.Sessions;

/// <summary>How something shall be kept.</summary>
/// <param name="Redundancy">k of n.</param>
/// <param name="For">How long; rounded up to whole periods.</param>
/// <param name="PriceMax">The dearest node that may be used, tokens per GiB and 30 days; null for any.</param>
/// <param name="Level">zstd's level, <see cref="ChunkCompressor.LevelNone"/> to <see cref="ChunkCompressor.LevelMax"/>.</param>
public sealed record PutTerms(Redundancy Redundancy, TimeSpan For, Price? PriceMax = null, int Level = ChunkCompressor.LevelDefault)
{
    /// <summary>What is usual: three replicas for thirty days.</summary>
    public static PutTerms Default { get; } = new(Redundancy.Default, TimeSpan.FromDays(30));
}
