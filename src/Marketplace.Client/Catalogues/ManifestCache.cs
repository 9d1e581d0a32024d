using Marketplace.Domain;

namespace Marketplace.Client.Catalogues;

/// <summary>
/// Sealed manifests kept at home, one file a deal, named by the deal's number and a shard's root, so that a stale one is never taken
/// for another. Losing it costs time and nothing else. Without a folder nothing is kept.
/// </summary>
/// <param name="folder">Where; null for nowhere.</param>
public sealed class ManifestCache(string? folder)
{
    private const string Extension = ".manifest";

    /// <summary>Whether anything is kept.</summary>
    public bool IsKept => folder is not null;

    /// <summary>The copy for a deal; null if there is none.</summary>
    public byte[]? Find(ulong deal, Root root)
    {
        if (folder is null) return null;
        try
        {
            return File.ReadAllBytes(PathOf(deal, root));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Keeps a copy. A disk that does not take it is no failure.</summary>
    public void Keep(ulong deal, Root root, ReadOnlySpan<byte> copy)
    {
        if (folder is null) return;
        try
        {
            Directory.CreateDirectory(folder);
            string path = PathOf(deal, root);
            string beside = path + "." + Guid.NewGuid().ToString("N")[..8];
            File.WriteAllBytes(beside, copy);
            File.Move(beside, path, overwrite: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The nodes have it; it is fetched again next time.
        }
    }

    /// <summary>Removes a damaged copy.</summary>
    public void Forget(ulong deal, Root root)
    {
        if (folder is not null) Delete(PathOf(deal, root));
    }

    /// <summary>Removes the copies of all deals but these.</summary>
    public void KeepOnly(IReadOnlySet<ulong> deals)
    {
        if (folder is null || !Directory.Exists(folder)) return;
        foreach (string path in Directory.EnumerateFiles(folder, "*" + Extension))
        {
            string number = Path.GetFileName(path).Split('-')[0];
            if (!ulong.TryParse(number, out ulong deal) || !deals.Contains(deal)) Delete(path);
        }
    }

    private static void Delete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // A copy too many harms nobody.
        }
    }

    private string PathOf(ulong deal, Root root) => Path.Combine(folder!, $"{deal}-{root.ToString()[2..]}{Extension}");
}
