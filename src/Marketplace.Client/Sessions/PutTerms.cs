using Marketplace.Domain;

namespace Marketplace.Client.Sessions;

/// <summary>How something shall be kept.</summary>
/// <param name="Redundancy">k of n.</param>
/// <param name="For">How long; rounded up to whole periods.</param>
/// <param name="PriceMax">The dearest node that may be used, tokens per GiB and 30 days; null for any.</param>
public sealed record PutTerms(Redundancy Redundancy, TimeSpan For, Price? PriceMax = null)
{
    /// <summary>What is usual: three replicas for thirty days.</summary>
    public static PutTerms Default { get; } = new(Redundancy.Default, TimeSpan.FromDays(30));
}
