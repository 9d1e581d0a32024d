namespace Marketplace.Storage;

/// <summary>A part of a depot: one store, on a disk of its own or behind an address.</summary>
/// <param name="Id">Its number, which never changes and is never given twice: the records name it.</param>
/// <param name="Store">Where the bytes lie.</param>
/// <param name="CapacityBytes">What shards and their trees may take there.</param>
/// <param name="IsDraining">Whether it takes nothing new, and gives what it has to the others.</param>
public sealed record DepotVolume(int Id, IShardStore Store, long CapacityBytes, bool IsDraining = false);

/// <summary>A volume as it is now.</summary>
/// <param name="Id">Its number.</param>
/// <param name="CapacityBytes">What shards may take there.</param>
/// <param name="UsedBytes">What they take.</param>
/// <param name="ReservedBytes">What uploads on their way may still take.</param>
/// <param name="FreeBytes">What can be taken now.</param>
/// <param name="Shards">How many lie there.</param>
/// <param name="IsDraining">Whether it is being emptied.</param>
/// <param name="IsAway">Whether shards are recorded there although it is not attached.</param>
public sealed record VolumeView(int Id, long CapacityBytes, long UsedBytes, long ReservedBytes, long FreeBytes, long Shards, bool IsDraining, bool IsAway);

/// <summary>How far a drain came in one go.</summary>
/// <param name="Moved">Shards that lie elsewhere now, or that nobody needs any more.</param>
/// <param name="Damaged">Shards that cannot be read or no longer agree with their root; they stay where they are.</param>
/// <param name="TooLarge">Shards for which no other volume has room; they stay where they are.</param>
/// <param name="Left">Shards that are still there, those with them.</param>
/// <param name="Next">Where the next step goes on; null if the end of the volume was reached.</param>
public sealed record DrainStep(int Moved, IReadOnlyList<Domain.Root> Damaged, int TooLarge, long Left, Domain.Root? Next);

/// <summary>Room of one volume. Guarded by the depot's lock.</summary>
internal sealed class VolumeRoom(DepotVolume volume, long marginBytes)
{
    public DepotVolume Volume { get; set; } = volume;

    public long Used { get; set; }

    public long Shards { get; set; }

    public long Reserved { get; set; }

    /// <summary>Whether it did not answer when it was looked at last.</summary>
    public bool IsSilent { get; set; }

    /// <summary>What the storage itself has left for this depot.</summary>
    public long StoreFree
    {
        get
        {
            long free;
            try
            {
                free = Volume.Store.FreeBytes;
            }
            catch (IOException)
            {
                // A disk that went away has no room.
                return 0;
            }

            return free == long.MaxValue ? free : free - marginBytes - Reserved;
        }
    }

    public long Free => Volume.IsDraining ? 0 : Math.Max(0, Math.Min(Volume.CapacityBytes - Used - Reserved, StoreFree));
}
