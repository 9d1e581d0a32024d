using Marketplace.Domain;

namespace Marketplace.Node;

/// <summary>
/// The key of a bucket. It comes from a file that only its owner may read, written as the AWS tools write theirs, or from the
/// environment: never from settings or the command line.
/// </summary>
/// <param name="AccessKey">Name of the key.</param>
/// <param name="SecretKey">The key. Never logged.</param>
public sealed record BucketKey(string AccessKey, string SecretKey)
{
    /// <summary>The file in the node's folder that <c>node init</c> writes.</summary>
    public const string FileName = "s3-credentials";

    private const string AccessName = "aws_access_key_id";
    private const string SecretName = "aws_secret_access_key";
    private const string AccessVariable = "AWS_ACCESS_KEY_ID";
    private const string SecretVariable = "AWS_SECRET_ACCESS_KEY";
    private const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    /// <summary>Whether the environment holds one.</summary>
    public static bool IsInEnvironment => Variable(AccessVariable) is not null && Variable(SecretVariable) is not null;

    /// <summary>Reads the key that a volume's settings name.</summary>
    /// <exception cref="MarketException">There is none, or others may read its file.</exception>
    public static BucketKey Read(VolumeSettings volume, string dataDir)
    {
        if (volume.Credentials is null)
        {
            return Variable(AccessVariable) is { } access && Variable(SecretVariable) is { } secret
                ? new BucketKey(access, secret)
                : throw new MarketException(
                    MarketErrorCode.Usage, $"There is no key for {volume.Store}.", $"Set {AccessVariable} and {SecretVariable}, or name a file of mode 600 in {NodeConfig.FileName}: credentials FILE");
        }

        string path = Path.GetFullPath(Path.Combine(dataDir, volume.Credentials));
        if (!File.Exists(path)) throw new MarketException(MarketErrorCode.Usage, $"There is no credentials file {path}.", $"It has the lines '{AccessName} = …' and '{SecretName} = …'.");
        if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & Others) != UnixFileMode.None)
        {
            throw new MarketException(MarketErrorCode.Usage, $"Others may read {path}.", $"chmod 600 '{path}'");
        }

        Dictionary<string, string> values = new(StringComparer.OrdinalIgnoreCase);
        foreach (string line in File.ReadLines(path))
        {
            int sign = line.IndexOf('=', StringComparison.Ordinal);
            // The first profile of the file is meant.
            if (sign > 0) values.TryAdd(line[..sign].Trim(), line[(sign + 1)..].Trim());
        }

        return values.TryGetValue(AccessName, out string? name) && values.TryGetValue(SecretName, out string? key) && name.Length > 0 && key.Length > 0
            ? new BucketKey(name, key)
            : throw new MarketException(MarketErrorCode.Usage, $"{path} names no key.", $"It has the lines '{AccessName} = …' and '{SecretName} = …'.");
    }

    /// <summary>The text of a file that holds the key.</summary>
    public string ToFile() => $"[default]\n{AccessName} = {AccessKey}\n{SecretName} = {SecretKey}\n";

    /// <summary>Tells nothing of the key.</summary>
    public override string ToString() => AccessKey;

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
