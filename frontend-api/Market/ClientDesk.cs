using Marketplace.Client.Catalogues;
using Marketplace.Client.Keys;
using Marketplace.Client.Sessions;
using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Gateway.Market;

/// <summary>
/// The storage clients of those who were here lately, with the manifests that they hold. What is let go costs time, nothing else, and may
/// still be in use. Safe for use by many threads.
/// </summary>
/// <param name="session">The operator's session. Not owned.</param>
/// <param name="readKey">The gateway's key pair. Not owned.</param>
/// <param name="folder">Where sealed manifests are kept, a folder for each client.</param>
/// <param name="manifestBytesMax">Plain bytes of manifests of all clients; beyond them those who were not here the longest are let go.</param>
internal sealed class ClientDesk(MarketSession session, RecipientKeyPair readKey, string folder, long manifestBytesMax = ClientDesk.ManifestBytesMax) : IDisposable
{
    /// <summary>Clients that are remembered.</summary>
    public const int ClientsMax = 256;

    /// <summary>Plain bytes of the manifests of one client; what deals beyond them name is not shown.</summary>
    public const long ManifestBytesPerClientMax = 16L << 20;

    /// <summary>Plain bytes of the manifests of all clients that are remembered.</summary>
    public const long ManifestBytesMax = 128L << 20;

    private readonly Lock _lock = new();
    private readonly LinkedList<Seat> _latestFirst = [];
    private readonly Dictionary<Address, LinkedListNode<Seat>> _byAddress = [];

    /// <summary>
    /// What can be done for a client. Reading needs no key of the client's; storing gets a storage client of its own for each upload,
    /// because a client may sign in with another key at any time.
    /// </summary>
    /// <param name="address">The client.</param>
    /// <param name="sealTo">The public key to seal to; null only to read.</param>
    public StorageClient For(Address address, byte[]? sealTo)
    {
        Seat seat = SeatOf(address);
        return sealTo is null ? seat.Reader : session.ClientOf(address, new SharedKeys(readKey, sealTo), HomeOf(address), seat.Manifests);
    }

    /// <inheritdoc />
    public void Dispose()
    {
        lock (_lock)
        {
            foreach (Seat seat in _latestFirst) seat.Reader.Dispose();
            _latestFirst.Clear();
            _byAddress.Clear();
        }
    }

    private Seat SeatOf(Address address)
    {
        lock (_lock)
        {
            if (_byAddress.TryGetValue(address, out LinkedListNode<Seat>? known))
            {
                _latestFirst.Remove(known);
                _latestFirst.AddFirst(known);
            }
            else
            {
                var manifests = new ManifestShelf(ManifestBytesPerClientMax);
                StorageClient reader = session.ClientOf(address, new SharedKeys(readKey, null), HomeOf(address), manifests);
                _byAddress[address] = known = _latestFirst.AddFirst(new Seat(address, reader, manifests));
            }

            // Who comes in stays, however much it holds.
            while (_latestFirst.Last is { } oldest && oldest != known && (_byAddress.Count > ClientsMax || _latestFirst.Sum(seat => seat.Manifests.Bytes) > manifestBytesMax))
            {
                _latestFirst.RemoveLast();
                _byAddress.Remove(oldest.Value.Address);
            }

            return known.Value;
        }
    }

    private string HomeOf(Address address) => Path.Combine(folder, address.ToString());

    private sealed record Seat(Address Address, StorageClient Reader, ManifestShelf Manifests);
}
