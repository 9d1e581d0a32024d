namespace Marketplace.Node;

/// <summary>How a volume is.</summary>
public enum VolumeState
{
    /// <summary>It takes shards and gives them.</summary>
    InUse,

    /// <summary>It takes nothing new and is being emptied.</summary>
    Draining,

    /// <summary>It is empty and may be taken away.</summary>
    Drained,

    /// <summary>It cannot be reached; what is recorded there cannot be read.</summary>
    Away,
}

/// <summary>A volume as <c>GET /v1/admin/volumes</c> and <c>market node volume list --json</c> tell it.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Store">Where its shards lie; null if node.yaml does not name it any more.</param>
/// <param name="State">How it is.</param>
/// <param name="CapacityBytes">Bytes that shards may take there.</param>
/// <param name="UsedBytes">Bytes that they take with their trees.</param>
/// <param name="ReservedBytes">Bytes that uploads on their way may still take.</param>
/// <param name="FreeBytes">Bytes that can be taken now.</param>
/// <param name="Shards">How many lie there.</param>
/// <param name="DamagedShards">Of these, how many a drain could not move because they are damaged.</param>
/// <param name="Trouble">What is wrong; null if nothing.</param>
public sealed record VolumeReport(
    int Id, string? Store, VolumeState State, long CapacityBytes, long UsedBytes, long ReservedBytes, long FreeBytes, long Shards, int DamagedShards, string? Trouble);

/// <summary>All volumes of a node.</summary>
public sealed record VolumeList(IReadOnlyList<VolumeReport> Volumes);

/// <summary>What <c>POST /v1/admin/volumes</c> takes.</summary>
/// <param name="Store">Where its shards lie: <see cref="StoreAddress"/>.</param>
/// <param name="CapacityBytes">Bytes that they may take there.</param>
/// <param name="Credentials">File with the keys of a bucket; null for the node's environment.</param>
/// <param name="Region">Region of a bucket.</param>
public sealed record NewVolume(string Store, long CapacityBytes, string? Credentials, string? Region);

/// <summary>What <c>PATCH /v1/admin/volumes/{id}</c> takes; what is null stays.</summary>
/// <param name="CapacityBytes">Bytes that shards may take there.</param>
/// <param name="Draining">Whether it is emptied.</param>
public sealed record VolumeChange(long? CapacityBytes, bool? Draining);
