using Marketplace.Domain;
using Marketplace.Gateway.Errors;
using Marketplace.Gateway.Market;

namespace Marketplace.Gateway.Objects;

/// <summary>Reads <c>redundancy</c> and <c>for</c>, as flags of the same names are read by <c>market put</c>.</summary>
internal static class TermsQuery
{
    private static readonly TimeSpan s_keepForDefault = TimeSpan.FromDays(30);

    /// <exception cref="GatewayFailureException">400: one of them is wrong.</exception>
    public static KeepTerms Read(string? redundancyText, string? forText)
    {
        Redundancy redundancy = Redundancy.Default;
        if (redundancyText is not null && !Redundancy.TryParse(redundancyText, null, out redundancy))
        {
            throw GatewayFailureException.Usage(
                $"'{redundancyText}' is no redundancy.", $"write k/n, n from {Redundancy.ShardsMin} to {Redundancy.ShardsMax} and k below n", "wrongRedundancy");
        }

        TimeSpan keepFor = s_keepForDefault;
        if (forText is not null && !Duration.TryParse(forText, out keepFor))
            throw GatewayFailureException.Usage($"'{forText}' is no duration.", "write 90s, 10m, 12h or 30d", "wrongDuration");
        return new KeepTerms(redundancy, keepFor);
    }
}
