using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Marketplace.Domain;
using Marketplace.Storage;
using Marketplace.Storage.Ipfs;

namespace Marketplace.Node;

/// <summary>Looks whether a volume can do what its settings say: it is written, read, compared and cleared, and its room is looked at.</summary>
internal static class VolumeProbe
{
    /// <summary>The doctor's check of a volume, and how fast it is; the speed is null if the check failed.</summary>
    /// <param name="volume">The volume.</param>
    /// <param name="dataDir">The node's folder.</param>
    /// <param name="own">How fast the disk of that folder is, if it was measured.</param>
    /// <param name="away">What the running node says of the volume if it is away.</param>
    /// <param name="token">Ends the check.</param>
    public static async Task<(DiskSpeed? Speed, NodeCheck Check)> ExamineAsync(VolumeSettings volume, string dataDir, DiskSpeed? own, string? away, CancellationToken token)
    {
        if (away is not null) return (null, new NodeCheck(volume.Key, CheckState.Failed, $"{volume.Store} is away: {away}", "Bring it back before three periods are missed."));
        try
        {
            return volume.Store is StoreAddress.Files files ? Files(volume, files.In(dataDir), dataDir, own) : await PartsAsync(volume, dataDir, token);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or MarketException)
        {
            return (null, new NodeCheck(volume.Key, CheckState.Failed, $"{volume.Store}: {e.Message}", (e as MarketException)?.Hint ?? "It must be there, and writable for the node."));
        }
    }

    private static (DiskSpeed? Speed, NodeCheck Check) Files(VolumeSettings volume, string folder, string dataDir, DiskSpeed? own)
    {
        string existing = folder;
        while (!Directory.Exists(existing)) existing = Path.GetDirectoryName(existing)!;
        bool isInside = folder.StartsWith(Path.GetFullPath(dataDir) + Path.DirectorySeparatorChar, StringComparison.Ordinal);
        DiskSpeed speed = isInside && own is { } measured ? measured : DiskProbe.Measure(existing);
        long free = new DriveInfo(existing).AvailableFreeSpace;
        var shards = new DirectoryInfo(Path.Combine(folder, FileShardStore.ShardsFolder));
        long used = shards.Exists ? shards.EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length) : 0;
        string finding = string.Create(
            CultureInfo.InvariantCulture,
            $"{volume.Store}: {ByteSize.Format(volume.CapacityBytes)} offered, {ByteSize.Format(used)} used, {ByteSize.Format(free)} free on the disk, reads in {speed.ReadTime.TotalMilliseconds:0.0} ms");
        return (speed, volume.CapacityBytes <= used + free
            ? new NodeCheck(volume.Key, CheckState.Ok, finding)
            : new NodeCheck(volume.Key, CheckState.Warning, finding, "The disk holds less than is offered: make the volume smaller."));
    }

    private static async Task<(DiskSpeed? Speed, NodeCheck Check)> PartsAsync(VolumeSettings volume, string dataDir, CancellationToken token)
    {
        IPartStore parts = VolumeStores.OpenParts(volume, dataDir);
        using var held = parts as IDisposable;
        byte[] piece = RandomNumberGenerator.GetBytes(parts.PartBytesMax);
        string address = parts.AddressOf(Guid.NewGuid().ToString("N"), 0, piece);
        long started = Stopwatch.GetTimestamp();
        await parts.PutAsync(address, piece, token);
        TimeSpan writing = Stopwatch.GetElapsedTime(started);
        started = Stopwatch.GetTimestamp();
        byte[]? back = await parts.GetAsync(address, token);
        TimeSpan reading = Stopwatch.GetElapsedTime(started);
        await parts.DeleteAsync(address, token);
        if (back is null || !back.AsSpan().SequenceEqual(piece))
        {
            return (null, new NodeCheck(volume.Key, CheckState.Failed, $"{volume.Store} does not give back what was put there", "No shard is safe there: use another storage."));
        }

        string finding = string.Create(
            CultureInfo.InvariantCulture,
            $"{volume.Store}: {ByteSize.Format(volume.CapacityBytes)} offered, takes {ByteSize.Format(piece.Length)} in {writing.TotalMilliseconds:0} ms, gives them back in {reading.TotalMilliseconds:0} ms and removes them");
        var speed = new DiskSpeed(piece.Length / writing.TotalSeconds, reading);
        if (volume.Store is not StoreAddress.Ipfs ipfs) return (speed, new NodeCheck(volume.Key, CheckState.Ok, finding + "; its space is its owner's to know"));
        using var client = new IpfsClient(ipfs.Api);
        return await client.Repo.StorageMaxAsync(token) is { } max && max < volume.CapacityBytes
            ? (speed, new NodeCheck(volume.Key, CheckState.Warning, finding, $"The IPFS node is set to {ByteSize.Format(max)}: raise its Datastore.StorageMax, or make the volume smaller."))
            : (speed, new NodeCheck(volume.Key, CheckState.Ok, finding));
    }
}
