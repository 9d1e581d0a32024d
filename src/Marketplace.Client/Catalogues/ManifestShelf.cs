using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Client.Catalogues;

/// <summary>
/// The opened manifests of one client's live deals, and the names that they make together. Each is read once, whoever asks at the same
/// time, and is refused before it is decoded if all together would be more than they may. Safe for many threads.
/// </summary>
/// <param name="bytesMax">
/// Most plain bytes of all manifests together; what they and their names take in memory is some sixteen times as much at worst.
/// </param>
public sealed class ManifestShelf(long bytesMax = long.MaxValue)
{
    private readonly Lock _lock = new();
    private readonly Lock _foldLock = new();
    private readonly Dictionary<(ulong Deal, Root Root), Place> _places = [];
    private (DealManifest[] Manifests, Catalogue Names)? _folded;
    private long _bytes;

    /// <summary>Plain bytes of the manifests that are held or being read.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>The manifest of a deal; null if the client's keys do not open it. One that failed is read anew when it is asked for again.</summary>
    /// <param name="deal">The deal's number.</param>
    /// <param name="root">A shard's root.</param>
    /// <param name="read">Reads it; it is given what to tell the manifest's plain length before it decodes.</param>
    /// <param name="token">Ends the waiting. The reading goes on, for others may wait for it.</param>
    /// <exception cref="MarketException">There is no room for it; or what <paramref name="read"/> threw.</exception>
    internal async Task<Manifest?> FindAsync(ulong deal, Root root, Func<Action<long>, Task<Manifest?>> read, CancellationToken token)
    {
        Place? place;
        lock (_lock)
        {
            if (!_places.TryGetValue((deal, root), out place))
            {
                Place mine = place = _places[(deal, root)] = new Place();
                mine.Reading = Task.Run(() => ReadAsync(deal, root, mine, read), CancellationToken.None);
            }
        }

        return await place.Reading.WaitAsync(token);
    }

    /// <summary>Lets all go but these deals.</summary>
    internal void KeepOnly(IReadOnlySet<ulong> deals)
    {
        lock (_lock)
        {
            foreach (((ulong Deal, Root Root) key, Place place) in _places)
            {
                if (!deals.Contains(key.Deal) && place.Reading.IsCompleted) Remove(key, place);
            }
        }
    }

    /// <summary>The names that manifests make; folded again only if they are others than last time.</summary>
    internal Catalogue Fold(IEnumerable<DealManifest> manifests)
    {
        DealManifest[] ordered = [.. manifests.OrderBy(one => one.Deal)];
        lock (_foldLock)
        {
            if (_folded is { } last && last.Manifests.AsSpan().SequenceEqual(ordered)) return last.Names;
            _folded = null;
            Catalogue names = Catalogue.Fold(ordered);
            _folded = (ordered, names);
            return names;
        }
    }

    private async Task<Manifest?> ReadAsync(ulong deal, Root root, Place place, Func<Action<long>, Task<Manifest?>> read)
    {
        try
        {
            return await read(bytes => MakeRoom(deal, place, bytes));
        }
        catch
        {
            lock (_lock) Remove((deal, root), place);
            throw;
        }
    }

    private void MakeRoom(ulong deal, Place place, long bytes)
    {
        lock (_lock)
        {
            long more = bytes - place.Bytes;
            if (more > bytesMax - _bytes)
            {
                throw new MarketException(
                    MarketErrorCode.Incomplete,
                    $"The names in deal {deal} are too many to be shown here: the lists of all of a client's deals have at most {ByteSize.Format(bytesMax)} together.",
                    "use your own wallet, which knows no such limit: market ls, market get");
            }

            place.Bytes = bytes;
            _bytes += more;
        }
    }

    private void Remove((ulong Deal, Root Root) key, Place place)
    {
        _places.Remove(key);
        _bytes -= place.Bytes;
        place.Bytes = 0;
    }

    private sealed class Place
    {
        public Task<Manifest?> Reading { get; set; } = null!;

        public long Bytes { get; set; }
    }
}
