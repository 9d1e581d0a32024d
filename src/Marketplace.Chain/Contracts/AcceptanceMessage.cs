using Marketplace.Chain.Abi;
using Marketplace.Chain.TypedData;
using Marketplace.Domain;

namespace Marketplace.Chain.Contracts;

/// <summary>What a node's hot key signs when it accepts a shard: the typed data of <c>StorageMarket.acceptanceHash</c>.</summary>
public static class AcceptanceMessage
{
    /// <summary>The name in the domain of the StorageMarket's typed data.</summary>
    public const string DomainName = "StorageMarket";

    /// <summary>The version in that domain.</summary>
    public const string DomainVersion = "1";

    private static readonly AbiTuple s_type = new(
        ((AbiTuple)AbiType.Parse(
            "(address client,uint48 number,uint8 slot,uint32 node,bytes20 root,uint64 leaves,uint32 rate,uint32 maxEnd,uint40 deadline,uint96 follows)")).Components,
        "Acceptance");

    /// <summary>The slot that an acceptance follows, where nobody held it before: so it serves for opening a deal, or for filling a slot that
    /// was left vacant then, and once.</summary>
    private const ulong FollowsNobody = 0;

    /// <summary>The message for one slot of one deal that nobody held before. The acceptance's hint and signature are not signed.</summary>
    /// <param name="chainId">The chain.</param>
    /// <param name="market">The StorageMarket on it.</param>
    /// <param name="client">Whose deal it is.</param>
    /// <param name="terms">The deal; number, rate, leaves and the last possible end are signed.</param>
    /// <param name="offer">The slot, the node and the deadline.</param>
    /// <param name="root">The root of the shard.</param>
    public static TypedMessage Create(ulong chainId, Address market, Address client, TermsWord terms, OfferWord offer, Root root) => new(
        new TypedDomain(DomainName, DomainVersion, chainId, market),
        s_type,
        client, terms.Number, offer.Slot, offer.Node, root, terms.Leaves, terms.Rate, terms.MaxEnd, offer.Deadline, FollowsNobody);
}
