using System.Globalization;
using Marketplace.Domain;
using Marketplace.Storage;
using Marketplace.Storage.Buckets;
using Marketplace.Storage.Ipfs;

namespace Marketplace.Node;

/// <summary>Makes the stores that the settings name.</summary>
internal static class VolumeStores
{
    private const string IndexFolder = "volumes";
    private const string RegionDefault = "us-east-1";

    /// <summary>Whose a node's volumes are; what their marks say.</summary>
    public static string OwnerOf(NodeRegistration registration) =>
        string.Create(CultureInfo.InvariantCulture, $"node {registration.Node} of {registration.Market} on chain {registration.ChainId}");

    /// <summary>The store of a volume. Nothing is asked of it yet.</summary>
    /// <exception cref="MarketException">The key of a bucket is missing.</exception>
    /// <exception cref="IOException">The folder beside a bucket or an IPFS node cannot be made.</exception>
    public static IShardStore Open(VolumeSettings volume, string dataDir, string owner) => volume.Store switch
    {
        StoreAddress.Files files => new FileShardStore(files.In(dataDir)),
        _ => new RemoteShardStore(OpenParts(volume, dataDir), IndexOf(volume.Id, dataDir), owner),
    };

    /// <summary>The storage of pieces behind a volume that is not of files.</summary>
    /// <exception cref="MarketException">The key of a bucket is missing.</exception>
    public static IPartStore OpenParts(VolumeSettings volume, string dataDir)
    {
        switch (volume.Store)
        {
            case StoreAddress.Ipfs ipfs:
                return new IpfsPartStore(new IpfsClient(ipfs.Api));
            case StoreAddress.Bucket bucket:
                BucketKey key = BucketKey.Read(volume, dataDir);
                return new BucketPartStore(new BucketAddress(bucket.Endpoint, bucket.Name, key.AccessKey, key.SecretKey, bucket.Prefix, volume.Region ?? RegionDefault));
            default:
                throw new ArgumentException($"{volume.Store} has no pieces.", nameof(volume));
        }
    }

    /// <summary>The local folder of a volume that lies elsewhere: trees, and where the pieces are.</summary>
    public static string IndexOf(int id, string dataDir) =>
        Path.Combine(dataDir, NodeFiles.Depot, IndexFolder, id.ToString(CultureInfo.InvariantCulture));

    /// <summary>Removes that folder; it can be made again from the storage.</summary>
    public static void ForgetIndex(int id, string dataDir)
    {
        string folder = IndexOf(id, dataDir);
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
    }
}
