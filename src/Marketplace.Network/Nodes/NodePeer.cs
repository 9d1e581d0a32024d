using Marketplace.Domain;

namespace Marketplace.Network;

/// <summary>A node as the chain names it: all that is needed to speak to it and to know that it is the one.</summary>
/// <param name="Id">Its number in the registry.</param>
/// <param name="HotAddress">Who signs its beats and acceptances.</param>
/// <param name="Endpoint">Where it listens.</param>
/// <param name="Fingerprint">The only certificate that it may show.</param>
public sealed record NodePeer(NodeId Id, Address HotAddress, PeerEndpoint Endpoint, CertificateFingerprint Fingerprint);
