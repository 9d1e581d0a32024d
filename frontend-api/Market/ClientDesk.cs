using Marketplace.Client.Keys;
using Marketplace.Client.Sessions;
using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Gateway.Market;

/// <summary>
/// The storage clients of those who were here lately, with what they remember of manifests. What is let go costs time, nothing else, and may
/// still be in use. Safe for use by many threads.
/// </summary>
/// <param name="session">The operator's session. Not owned.</param>
/// <param name="readKey">The gateway's key pair. Not owned.</param>
/// <param name="folder">Where sealed manifests are kept, a folder for each client.</param>
internal sealed class ClientDesk(MarketSession session, RecipientKeyPair readKey, string folder) : IDisposable
{
    /// <summary>Clients that are remembered.</summary>
    public const int ClientsMax = 256;

    private readonly Lock _lock = new();
    private readonly LinkedList<(Address Address, StorageClient Storage)> _latestFirst = [];
    private readonly Dictionary<Address, LinkedListNode<(Address Address, StorageClient Storage)>> _byAddress = [];

    /// <summary>
    /// What can be done for a client. Reading needs no key of the client's; storing gets a storage client of its own for each upload,
    /// because a client may sign in with another key at any time.
    /// </summary>
    /// <param name="address">The client.</param>
    /// <param name="sealTo">The public key to seal to; null only to read.</param>
    public StorageClient For(Address address, byte[]? sealTo)
    {
        if (sealTo is not null) return session.ClientOf(address, new SharedKeys(readKey, sealTo), HomeOf(address));
        lock (_lock)
        {
            if (_byAddress.TryGetValue(address, out LinkedListNode<(Address Address, StorageClient Storage)>? known))
            {
                _latestFirst.Remove(known);
                _latestFirst.AddFirst(known);
                return known.Value.Storage;
            }

            if (_byAddress.Count == ClientsMax && _latestFirst.Last is { } oldest)
            {
                _latestFirst.RemoveLast();
                _byAddress.Remove(oldest.Value.Address);
            }

            StorageClient storage = session.ClientOf(address, new SharedKeys(readKey, null), HomeOf(address));
            _byAddress[address] = _latestFirst.AddFirst((address, storage));
            return storage;
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        lock (_lock)
        {
            foreach ((_, StorageClient storage) in _latestFirst) storage.Dispose();
            _latestFirst.Clear();
            _byAddress.Clear();
        }
    }

    private string HomeOf(Address address) => Path.Combine(folder, address.ToString());
}
