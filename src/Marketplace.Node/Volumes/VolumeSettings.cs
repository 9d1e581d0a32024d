using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Marketplace.Domain;

namespace Marketplace.Node;

/// <summary>
/// A volume as its line in <c>node.yaml</c> says: <c>volume.2: s3:https://s3.example.org/shards, 4 TiB, credentials s3-credentials</c>.
/// </summary>
/// <param name="Id">Its number; the node's records name it, so it stays when the place or the size changes.</param>
/// <param name="Store">Where its shards lie.</param>
/// <param name="CapacityBytes">Bytes that they may take there.</param>
/// <param name="Credentials">File with the keys of a bucket; null for the environment.</param>
/// <param name="Region">Region of a bucket; null for the usual one.</param>
/// <param name="IsDraining">Whether it takes nothing new and is emptied into the others.</param>
public sealed record VolumeSettings(int Id, StoreAddress Store, long CapacityBytes, string? Credentials = null, string? Region = null, bool IsDraining = false)
{
    /// <summary>Volumes of a node at most.</summary>
    public const int CountMax = 100;

    /// <summary>Numbers of volumes are below this.</summary>
    public const int IdMax = 100_000;

    private const string KeyPrefix = "volume.";
    private const string CredentialsWord = "credentials ";
    private const string RegionWord = "region ";
    private const string DrainingWord = "draining";

    /// <summary>The line's key.</summary>
    public string Key => KeyOf(Id);

    /// <summary>The key of a volume's line.</summary>
    public static string KeyOf(int id) => string.Create(CultureInfo.InvariantCulture, $"{KeyPrefix}{id}");

    /// <summary>Whether a key of the file names a volume.</summary>
    public static bool TryReadKey(string key, out int id)
    {
        id = 0;
        return key.StartsWith(KeyPrefix, StringComparison.Ordinal) &&
            int.TryParse(key.AsSpan(KeyPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out id) && id < IdMax;
    }

    /// <summary>Reads a line's value: store and size, then what else there is to say.</summary>
    public static bool TryParse(int id, string text, [NotNullWhen(true)] out VolumeSettings? volume)
    {
        volume = null;
        string[] parts = text.Split(',', StringSplitOptions.TrimEntries);
        if (parts.Length < 2 || !StoreAddress.TryParse(parts[0], null, out StoreAddress? store)) return false;
        if (!ByteSize.TryParse(parts[1], out long capacity) || capacity < NodeConfig.CapacityBytesMin) return false;
        var read = new VolumeSettings(id, store, capacity);
        foreach (string part in parts.Skip(2))
        {
            if (part == DrainingWord) read = read with { IsDraining = true };
            else if (store is StoreAddress.Bucket && After(part, CredentialsWord) is { } file) read = read with { Credentials = file };
            else if (store is StoreAddress.Bucket && After(part, RegionWord) is { } region) read = read with { Region = region };
            else return false;
        }

        volume = read;
        return true;
    }

    /// <summary>The line's value.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Store}, {Size(CapacityBytes)}");
        if (Credentials is not null) text.Append(", ").Append(CredentialsWord).Append(Credentials);
        if (Region is not null) text.Append(", ").Append(RegionWord).Append(Region);
        if (IsDraining) text.Append(", ").Append(DrainingWord);
        return text.ToString();
    }

    private static string? After(string part, string word) =>
        part.StartsWith(word, StringComparison.Ordinal) && part.Length > word.Length ? part[word.Length..].Trim() : null;

    /// <summary>To the byte: short where that says all.</summary>
    private static string Size(long bytes) => ByteSize.TryParse(ByteSize.Format(bytes), out long same) && same == bytes ? ByteSize.Format(bytes) : string.Create(CultureInfo.InvariantCulture, $"{bytes} B");
}
