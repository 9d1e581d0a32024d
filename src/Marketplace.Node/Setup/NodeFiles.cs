using System.Text.Json;
using System.Text.Json.Serialization;
using Marketplace.Domain;
using Marketplace.Storage;

namespace Marketplace.Node;

/// <summary>The files of a node's folder.</summary>
internal static class NodeFiles
{
    public const string HotKey = "hot-key.json";

    /// <summary>The hot key that is to follow, while its owner has not named it on chain.</summary>
    public const string NextHotKey = "hot-key.next.json";
    public const string TlsKey = "tls-key.pem";
    public const string TlsCertificate = "tls-certificate.pem";
    public const string AdminPassword = "admin-password";

    /// <summary>Signs what the operator's webhook is told.</summary>
    public const string AlertSecret = "alert-secret";
    public const string Registration = "registration.json";
    public const string Running = "running.json";
    public const string Depot = "depot";

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Makes a folder that only its owner may enter.</summary>
    public static void MakeFolder(string path)
    {
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(path);
        else Directory.CreateDirectory(path, OwnerOnly | UnixFileMode.UserExecute);
    }

    /// <summary>Writes a file that only its owner may read, whole or not at all.</summary>
    public static void Write(string path, string text)
    {
        string part = path + ".part";
        File.Delete(part);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = OwnerOnly;
        using (var stream = new FileStream(part, options))
        {
            using var writer = new StreamWriter(stream, leaveOpen: true);
            writer.Write(text);
            writer.Flush();
            stream.Flush(flushToDisk: true);
        }

        File.Move(part, path, overwrite: true);
        LocalDisk.Instance.FlushFolder(Path.GetDirectoryName(Path.GetFullPath(path))!);
    }
}

/// <summary>What a node remembers of its registration.</summary>
/// <param name="ChainId">The chain.</param>
/// <param name="Market">Its StorageMarket.</param>
/// <param name="Node">The number that the registry gave.</param>
/// <param name="Owner">Who is paid.</param>
public sealed record NodeRegistration(ulong ChainId, Address Market, NodeId Node, Address Owner)
{
    /// <summary>The registration of a folder, or null if the node is not registered.</summary>
    public static NodeRegistration? Read(string dataDir)
    {
        string path = Path.Combine(dataDir, NodeFiles.Registration);
        return File.Exists(path) ? JsonSerializer.Deserialize(File.ReadAllText(path), NodeFilesJson.Default.NodeRegistration) : null;
    }

    internal void Write(string dataDir) =>
        NodeFiles.Write(Path.Combine(dataDir, NodeFiles.Registration), JsonSerializer.Serialize(this, NodeFilesJson.Default.NodeRegistration));
}

/// <summary>Where a running node answers its operator.</summary>
internal sealed record RunningNode(int Pid, Uri Url, Uri AdminUrl);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(NodeRegistration))]
[JsonSerializable(typeof(RunningNode))]
[JsonSerializable(typeof(AlertMessage))]
[JsonSerializable(typeof(AlertOutbox.State), TypeInfoPropertyName = "AlertState")]
[JsonSerializable(typeof(EarningsBook.Page), TypeInfoPropertyName = "Page")]
[JsonSerializable(typeof(OnlineRecord.Page), TypeInfoPropertyName = "OnlinePage")]
internal sealed partial class NodeFilesJson : JsonSerializerContext;
