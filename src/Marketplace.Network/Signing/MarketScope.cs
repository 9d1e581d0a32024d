using Marketplace.Domain;

namespace Marketplace.Network;

/// <summary>Which market a signed message is about, so that a signature made for one says nothing to another.</summary>
/// <param name="ChainId">The chain's id (EIP-155).</param>
/// <param name="Market">The address of its StorageMarket.</param>
public readonly record struct MarketScope(ulong ChainId, Address Market);
