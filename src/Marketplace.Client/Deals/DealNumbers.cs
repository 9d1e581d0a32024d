using System.Collections.Concurrent;
using Marketplace.Domain;

namespace Marketplace.Client.Deals;

/// <summary>
/// Keeps two uploads of one account from taking the same deal number: on one machine by a locked file for each number,
/// inside one process by a list. Who uses the same account on two machines at once is told by the contract, which takes a number once.
/// </summary>
public sealed class DealNumbers
{
    private static readonly ConcurrentDictionary<DealId, byte> s_taken = new();

    private readonly string? _folder;

    /// <param name="folder">Where the locks lie; null for this process alone.</param>
    public DealNumbers(string? folder) => _folder = folder;

    /// <summary>Takes a free number after <paramref name="last"/>. Disposing lets it go; a number whose deal was opened is never offered again.</summary>
    /// <param name="client">Whose number.</param>
    /// <param name="last">The highest number used on chain.</param>
    /// <param name="gapMax">How far ahead the contract takes one.</param>
    /// <param name="skip">Numbers to leave to others: an operator that acts for a client begins further on.</param>
    /// <exception cref="MarketException">All numbers within reach are being used.</exception>
    public DealNumberLease Take(Address client, ulong last, ulong gapMax, ulong skip = 0)
    {
        for (ulong number = last + 1 + Math.Min(skip, gapMax - 1); number <= Math.Min(last + gapMax, DealId.NumberMax); number++)
        {
            var id = new DealId(client, number);
            if (!s_taken.TryAdd(id, 0)) continue;
            if (_folder is null) return new DealNumberLease(id, null, () => s_taken.TryRemove(id, out _));
            try
            {
                Directory.CreateDirectory(_folder);
                string path = Path.Combine(_folder, $"{number}.upload");
                var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
                return new DealNumberLease(id, file, () => s_taken.TryRemove(id, out _));
            }
            catch (IOException)
            {
                s_taken.TryRemove(id, out _);
            }
        }

        throw new MarketException(MarketErrorCode.Failed, $"{gapMax} uploads of this account are running already.", "wait until one is done");
    }
}

/// <summary>A deal number that nobody else on this machine uses.</summary>
public sealed class DealNumberLease : IDisposable
{
    private readonly FileStream? _lock;
    private readonly Action _release;

    internal DealNumberLease(DealId id, FileStream? fileLock, Action release)
    {
        Id = id;
        _lock = fileLock;
        _release = release;
    }

    /// <summary>The deal that may be opened.</summary>
    public DealId Id { get; }

    /// <summary>Lets the number go.</summary>
    public void Dispose()
    {
        _lock?.Dispose();
        _release();
    }
}
