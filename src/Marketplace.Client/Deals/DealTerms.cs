using Marketplace.Domain;

namespace Marketplace.Client.Deals;

/// <summary>What a deal is opened with; see the contract's <c>TermsWord</c>.</summary>
/// <param name="Id">Client and number.</param>
/// <param name="Redundancy">k of n.</param>
/// <param name="Leaves">Leaves of every shard.</param>
/// <param name="Rate">What each slot earns in a proved period.</param>
/// <param name="End">The first period that is no longer paid.</param>
/// <param name="EndMax">Up to where it may be extended.</param>
/// <param name="FilledMin">Fewest slots that must be filled for it to open.</param>
public sealed record DealTerms(
    DealId Id, Redundancy Redundancy, long Leaves, Rate Rate, PeriodNumber End, PeriodNumber EndMax, int FilledMin);
