using System.Collections.Frozen;
using System.Globalization;
using System.Text.Json;
using Marketplace.Domain;

namespace Marketplace.Chain;

/// <summary>Where the market's contracts live on one chain, read from <c>deployments/CHAINID.json</c> or a <c>devnet.json</c>.</summary>
public sealed class Deployment
{
    /// <summary>Larger files are refused unread.</summary>
    private const long FileBytesMax = 1 << 20;

    private readonly FrozenDictionary<string, Address> _addresses;

    /// <summary>Makes a deployment from names and addresses.</summary>
    public Deployment(ulong chainId, IReadOnlyDictionary<string, Address> addresses, string? rpcUrl = null, ulong fromBlock = 0)
    {
        ChainId = chainId;
        RpcUrl = rpcUrl;
        FromBlock = fromBlock;
        _addresses = addresses.ToFrozenDictionary(StringComparer.Ordinal);
    }

    /// <summary>The chain's number.</summary>
    public ulong ChainId { get; }

    /// <summary>An endpoint of the chain, where the file names one.</summary>
    public string? RpcUrl { get; }

    /// <summary>No contract logged anything before this block.</summary>
    public ulong FromBlock { get; }

    /// <summary>All names and addresses.</summary>
    public IReadOnlyDictionary<string, Address> Addresses => _addresses;

    /// <summary>The address of a contract.</summary>
    /// <exception cref="FormatException">The deployment does not name it.</exception>
    public Address this[string contract] => _addresses.TryGetValue(contract, out Address address)
        ? address
        : throw new FormatException($"The deployment on chain {ChainId} does not name the contract {contract}.");

    /// <summary>Reads a file of either kind.</summary>
    /// <exception cref="FormatException">The file is something else.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static Deployment ReadFile(string path)
    {
        if (new FileInfo(path).Length > FileBytesMax) throw new FormatException($"{path} is too large for a deployment.");
        string name = Path.GetFileNameWithoutExtension(path);
        try
        {
            return Parse(File.ReadAllText(path), ulong.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out ulong chainId) ? chainId : null);
        }
        catch (FormatException e)
        {
            throw new FormatException($"{path}: {e.Message}", e);
        }
    }

    /// <summary>Reads the JSON of either kind of file.</summary>
    /// <param name="json">The text.</param>
    /// <param name="chainId">The chain's number where the text does not tell it.</param>
    /// <exception cref="FormatException">The text is something else.</exception>
    public static Deployment Parse(string json, ulong? chainId = null)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            JsonElement root = document.RootElement;
            JsonElement contracts = root.TryGetProperty("contracts", out JsonElement nested) ? nested : root;
            Dictionary<string, Address> addresses = new(StringComparer.Ordinal);
            foreach (JsonProperty member in contracts.EnumerateObject())
            {
                if (member.Value.ValueKind == JsonValueKind.String && Address.TryParse(member.Value.GetString(), null, out Address address))
                    addresses[member.Name] = address;
            }

            return new Deployment(
                Number(root, "chainId") ?? chainId ?? throw new FormatException("It does not tell its chain's number."),
                addresses,
                root.TryGetProperty("rpcUrl", out JsonElement url) ? url.GetString() : null,
                Number(root, "fromBlock") ?? 0);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new FormatException("The text is no deployment: " + e.Message, e);
        }
    }

    private static ulong? Number(JsonElement root, string name) =>
        root.TryGetProperty(name, out JsonElement member) && member.ValueKind == JsonValueKind.Number && member.TryGetUInt64(out ulong number) ? number : null;
}
