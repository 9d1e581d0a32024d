using System.Diagnostics.CodeAnalysis;
using Marketplace.Domain;

namespace Marketplace.Node;

/// <summary>Where a volume's shards lie, as operators write it: <c>files:FOLDER</c>, <c>ipfs:URL</c>, <c>s3:URL/BUCKET[/PREFIX]</c>.</summary>
public abstract record StoreAddress : IParsable<StoreAddress>
{
    /// <summary>The store of a node whose operator said nothing: a folder inside of the node's own.</summary>
    public static readonly StoreAddress Default = new Files(NodeFiles.Depot);

    private const string FilesScheme = "files:";
    private const string IpfsScheme = "ipfs:";
    private const string BucketScheme = "s3:";
    private const string Forms = "Write files:FOLDER, ipfs:http://127.0.0.1:5001 or s3:https://HOST/BUCKET/PREFIX.";

    private StoreAddress() { }

    /// <summary>Reads one.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static StoreAddress Parse(string s, IFormatProvider? provider = null) =>
        TryParse(s, provider, out StoreAddress? address) ? address : throw new FormatException($"'{s}' is no place for shards. {Forms}");

    /// <inheritdoc />
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, [NotNullWhen(true)] out StoreAddress? result)
    {
        result = null;
        // These end a value or a line in node.yaml.
        if (s is null || s.Any(c => c is ',' or '#' || char.IsControl(c)) || s != s.Trim()) return false;
        if (s.StartsWith(FilesScheme, StringComparison.Ordinal)) result = s.Length > FilesScheme.Length ? new Files(s[FilesScheme.Length..]) : null;
        else if (s.StartsWith(IpfsScheme, StringComparison.Ordinal)) result = TryUrl(s[IpfsScheme.Length..]) is { AbsolutePath: "/" } api ? new Ipfs(api) : null;
        else if (s.StartsWith(BucketScheme, StringComparison.Ordinal)) result = TryBucket(s[BucketScheme.Length..]);
        return result is not null;
    }

    /// <summary>Files in a folder; a path that is not rooted begins in the node's folder.</summary>
    public sealed record Files(string Folder) : StoreAddress
    {
        /// <summary>The whole path.</summary>
        public string In(string dataDir) => Path.GetFullPath(Path.Combine(dataDir, Folder));

        /// <inheritdoc />
        public override string ToString() => FilesScheme + Folder;
    }

    /// <summary>An IPFS node, by the address of its Kubo RPC.</summary>
    public sealed record Ipfs(Uri Api) : StoreAddress
    {
        /// <inheritdoc />
        public override string ToString() => IpfsScheme + Text(Api);
    }

    /// <summary>A bucket of an S3-compatible service; the prefix is empty or ends in a slash.</summary>
    public sealed record Bucket(Uri Endpoint, string Name, string Prefix) : StoreAddress
    {
        /// <inheritdoc />
        public override string ToString() => $"{BucketScheme}{Text(Endpoint)}/{Name}{(Prefix.Length == 0 ? "" : "/" + Prefix[..^1])}";
    }

    private static Bucket? TryBucket(string text)
    {
        if (TryUrl(text) is not { } url) return null;
        string[] parts = url.AbsolutePath.Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (parts.Length == 0 || !parts.All(part => part.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'))) return null;
        return new Bucket(new Uri(url.GetLeftPart(UriPartial.Authority)), parts[0], string.Concat(parts.Skip(1).Select(part => part + "/")));
    }

    /// <summary>An address of http or https without anything secret or odd in it.</summary>
    private static Uri? TryUrl(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && url.Scheme is "http" or "https" && url is { UserInfo: "", Query: "", Fragment: "" } ? url : null;

    private static string Text(Uri url) => url.GetLeftPart(UriPartial.Authority);
}
