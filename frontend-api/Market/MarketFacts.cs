using Marketplace.Client.Deals;
using Marketplace.Client.Json;
using Marketplace.Domain;
using Marketplace.Gateway.SignIn;

namespace Marketplace.Gateway.Market;

/// <summary>What does not change while the gateway runs.</summary>
/// <param name="ChainId">The chain.</param>
/// <param name="Contracts">Name to address, as deployed.</param>
/// <param name="Operator">The account that opens deals and pays gas; clients allow it.</param>
/// <param name="ReadKey">The gateway's own X25519 public key, one of the two that bundles are wrapped to.</param>
/// <param name="Schedule">The market's clock.</param>
public sealed record MarketFacts(
    ulong ChainId, IReadOnlyDictionary<string, Address> Contracts, Address Operator, ReadOnlyMemory<byte> ReadKey, Schedule Schedule);

/// <summary>How the chain and the operator are now.</summary>
/// <param name="Block">The newest block.</param>
/// <param name="Gas">What the operator has of the chain's own coin.</param>
public sealed record MarketPulse(BlockNumber Block, TokenAmount Gas);

/// <summary>How something shall be kept.</summary>
public sealed record KeepTerms(Redundancy Redundancy, TimeSpan For);

/// <summary>What shall be stored. The stream is read to its end and not disposed.</summary>
/// <param name="Content">Gives the bytes.</param>
/// <param name="BytesMost">How many it gives, or the most that it may give.</param>
/// <param name="IsExact">Whether it gives exactly so many.</param>
public sealed record UploadBody(Stream Content, long BytesMost, bool IsExact);

/// <summary>An object that can be read.</summary>
/// <param name="Kind">File, folder or link; only files have bytes.</param>
/// <param name="Bytes">Length.</param>
/// <param name="ContentTag">Names these bytes and no others among all that the client ever stored; letters, digits and dashes.</param>
/// <param name="ModifiedAt">When it was last changed.</param>
/// <param name="CopyAsync">Writes bytes [from, from + count) to a stream. Throws <see cref="MarketException"/> when too few nodes answer.</param>
public sealed record StoredObject(
    ObjectKind Kind, long Bytes, string ContentTag, DateTimeOffset? ModifiedAt, Func<long, long, Stream, CancellationToken, Task> CopyAsync);
