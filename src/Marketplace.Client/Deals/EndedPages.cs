using System.Globalization;
using Marketplace.Domain;

namespace Marketplace.Client.Deals;

/// <summary>
/// Remembers in which pages of a client's deal numbers every deal is over, so that they are not read each time: a deal that ended never
/// comes back. A number that was left out can still be used, so the page of a deal that was opened is forgotten, and all of them after
/// <see cref="Life"/>. Kept in a file at home, so that all who use that home see the same; losing it costs time and nothing else.
/// Safe for many threads.
/// </summary>
/// <param name="path">Where; null for in memory.</param>
public sealed class EndedPages(string? path)
{
    /// <summary>Deal numbers in a page; the first page begins with number 1.</summary>
    public const uint NumbersPerPage = 50;

    /// <summary>After so long by the chain's clock all pages are read once more.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromDays(1);

    private const string Version = "1";

    private readonly Lock _lock = new();
    private Known? _memory;
    private Hash32? _seen;

    /// <summary>The page of a number, from 0.</summary>
    public static ulong PageOf(ulong number) => (number - 1) / NumbersPerPage;

    /// <summary>The pages that need not be read; empty if what is remembered is too old, or of another chain.</summary>
    internal async Task<IReadOnlySet<ulong>> AtAsync(Moment now, Func<BlockNumber, CancellationToken, Task<Hash32?>> hashOf, CancellationToken token)
    {
        Known? known;
        lock (_lock) known = Read();
        if (known is null || known.Block > now.Block || known.Since > now.Time || now.Time - known.Since > Life) return Nothing;
        if (_seen != known.Hash && await hashOf(known.Block, token) != known.Hash) return Nothing;
        _seen = known.Hash;
        return known.Pages;
    }

    /// <summary>Adds pages to those that <see cref="AtAsync"/> gave; if it gave none, they begin anew.</summary>
    internal void Add(IReadOnlySet<ulong> before, IReadOnlyCollection<ulong> pages, Moment now)
    {
        if (pages.Count == 0) return;
        lock (_lock)
        {
            // What was forgotten meanwhile stays forgotten.
            if (before.Count > 0 && Read() is { } known) Write(known with { Pages = [.. known.Pages, .. pages] });
            else Write(new Known(now.Time, now.Block, now.BlockHash, [.. pages]));
        }
    }

    /// <summary>A deal of this number may have been opened.</summary>
    internal void Forget(ulong number)
    {
        lock (_lock)
        {
            if (Read() is { } known && known.Pages.Remove(PageOf(number))) Write(known);
        }
    }

    private static HashSet<ulong> Nothing => [];

    private Known? Read()
    {
        if (path is null) return _memory is null ? null : _memory with { Pages = [.. _memory.Pages] };
        try
        {
            string[] words = File.ReadAllText(path).Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words is not [Version, var since, var block, var hash, .. var pages]) return null;
            return new Known(
                DateTimeOffset.FromUnixTimeSeconds(long.Parse(since, CultureInfo.InvariantCulture)),
                new BlockNumber(ulong.Parse(block, CultureInfo.InvariantCulture)),
                Hash32.Parse(hash),
                [.. pages.Select(page => ulong.Parse(page, CultureInfo.InvariantCulture))]);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or FormatException or OverflowException or ArgumentOutOfRangeException)
        {
            return null;
        }
    }

    private void Write(Known known)
    {
        _memory = known;
        if (path is null) return;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            string beside = path + "." + Guid.NewGuid().ToString("N")[..8];
            IEnumerable<ulong> pages = known.Pages.Order();
            File.WriteAllText(beside, string.Create(CultureInfo.InvariantCulture, $"{Version} {known.Since.ToUnixTimeSeconds()} {known.Block.Value} {known.Hash} {string.Join(' ', pages)}"));
            File.Move(beside, path, overwrite: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The chain has it; it is read again next time.
        }
    }

    /// <param name="Since">When the first of the pages was read, by the chain's clock.</param>
    /// <param name="Block">In which block.</param>
    /// <param name="Hash">Its hash: a chain that does not know it is another one.</param>
    /// <param name="Pages">Pages in which all is over.</param>
    private sealed record Known(DateTimeOffset Since, BlockNumber Block, Hash32 Hash, HashSet<ulong> Pages);
}
