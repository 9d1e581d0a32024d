using System.Text.Json;
using System.Text.Json.Serialization;
using Marketplace.Client.Json;
using Marketplace.Commands.Shell;
using Marketplace.Domain;

namespace Marketplace.Commands.Homes;

/// <summary>What <c>DIR/devnet.json</c> says of a local network. Its shape is fixed; fields may be added.</summary>
internal sealed record DevnetFile(
    int Version,
    Uri RpcUrl,
    ulong ChainId,
    uint BlockSeconds,
    uint PeriodBlocks,
    DevnetProcess Chain,
    IReadOnlyDictionary<string, Address> Contracts,
    IReadOnlyList<DevnetNode> Nodes,
    IReadOnlyList<DevnetKeeper> Keepers,
    DevnetGateway? Gateway,
    IReadOnlyList<DevnetAccount> Accounts)
{
    /// <summary>The only version there is.</summary>
    public const int CurrentVersion = 1;

    /// <summary>Name of the file in the devnet's folder.</summary>
    public const string FileName = "devnet.json";

    /// <summary>Name of the account that <c>market</c> acts for.</summary>
    public const string ClientName = "client";

    /// <summary>Name of the account that got all tokens, and that <c>devnet fund</c> takes from.</summary>
    public const string TreasuryName = "treasury";

    /// <summary>The account that <c>market</c> acts for: the first one.</summary>
    [JsonIgnore]
    public DevnetAccount Client => Accounts[0];

    /// <summary>Reads a file that this program wrote.</summary>
    /// <exception cref="MarketException">There is none, or it is damaged.</exception>
    public static DevnetFile Read(string path)
    {
        try
        {
            DevnetFile file = MarketJson.Read<DevnetFile>(File.ReadAllText(path), CommandJson.Line);
            if (file.Version == CurrentVersion && file.Accounts is { Count: > 0 } && file.Contracts is not null && file.RpcUrl is not null) return file;
        }
        catch (JsonException)
        {
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new MarketException(MarketErrorCode.NotFound, $"There is no devnet at {path}", "start one: ./scripts/devnet.sh up --detach", exception);
        }

        throw new MarketException(MarketErrorCode.Failed, $"{path} is not the description of a devnet", "start it afresh: ./scripts/devnet.sh down, then up");
    }
}

/// <summary>A process of the devnet. <paramref name="StartTicks"/> tells it from a later one with the same number.</summary>
internal sealed record DevnetProcess(int Pid, long? StartTicks);

/// <summary>One node of the devnet.</summary>
internal sealed record DevnetNode(NodeId Id, Address Address, Address Owner, string Url, int Pid, long? StartTicks, string DataDir);

/// <summary>One keeper of the devnet; <paramref name="Id"/> counts from 1.</summary>
internal sealed record DevnetKeeper(int Id, Address Address, string Url, int Pid, long? StartTicks, string DataDir);

/// <summary>The gateway of the devnet; <paramref name="Address"/> is the operator that clients allow.</summary>
internal sealed record DevnetGateway(Address Address, string Url, int Pid, long? StartTicks, string DataDir);

/// <summary>An account whose keys anyone may know.</summary>
internal sealed record DevnetAccount(string Name, Address Address, string PrivateKey, string? Mnemonic);
