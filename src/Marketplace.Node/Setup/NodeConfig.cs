using System.Globalization;
using System.Net;
using Marketplace.Domain;
using Marketplace.Network;

namespace Marketplace.Node;

/// <summary>What stands in the node's <c>node.yaml</c>: one <c>key: value</c> a line, comments behind <c>#</c>.</summary>
/// <param name="Listen">Address and port for clients.</param>
/// <param name="Url">The endpoint that is registered on chain.</param>
/// <param name="Volumes">Where shards lie and what they may take there, in the order of their numbers; at least one.</param>
/// <param name="Price">What the node asks.</param>
/// <param name="Admin">Loopback address and port for the operator; port 0 takes any free one.</param>
public sealed record NodeConfig(IPEndPoint Listen, PeerEndpoint Url, IReadOnlyList<VolumeSettings> Volumes, Price Price, IPEndPoint Admin)
{
    /// <summary>The file's name in the node's folder.</summary>
    public const string FileName = "node.yaml";

    /// <summary>Smaller nodes are not worth their gas.</summary>
    public const long CapacityBytesMin = 1 << 20;

    private const string VolumeForm = "a place and a size, files:depot, 100 GiB; more in docs/operating.md";

    private static readonly TimeSpan s_scrubDefault = TimeSpan.FromDays(30);
    private static readonly string[] s_keys = ["listen", "url", "price", "admin", "bandwidth", "scrub", "alerts", "repair.leastBounty"];

    /// <summary>Every setting but the volumes.</summary>
    internal static IReadOnlyList<string> Keys => s_keys;

    /// <summary>What the node offers: the volumes that are not being emptied.</summary>
    public long CapacityBytes => Volumes.Where(volume => !volume.IsDraining).Sum(volume => volume.CapacityBytes);

    /// <summary>How much of the line shards may take, by day and hour.</summary>
    public BandwidthSchedule Bandwidth { get; init; } = BandwidthSchedule.None;

    /// <summary>How often everything that is held is read and compared with its root.</summary>
    public TimeSpan ScrubEvery { get; init; } = s_scrubDefault;

    /// <summary>The webhook that is told when an alert begins and ends; null for none.</summary>
    public Uri? Alerts { get; init; }

    /// <summary>What a repair must bring above the node's price.</summary>
    public TokenAmount LeastBounty { get; init; } = TokenAmount.Zero;

    /// <summary>Changes the file of a node's folder, whole or not at all.</summary>
    public static void Edit(string dataDir, Func<string, string> change)
    {
        string path = Path.Combine(dataDir, FileName);
        NodeFiles.Write(path, change(File.ReadAllText(path)));
    }

    /// <summary>Reads the file of a node's folder.</summary>
    /// <exception cref="MarketException">It is absent or wrong; the message names the line.</exception>
    public static NodeConfig Read(string dataDir)
    {
        string path = Path.Combine(dataDir, FileName);
        if (!File.Exists(path)) throw new MarketException(MarketErrorCode.NotFound, $"There is no node in {dataDir}.", "Make one: market node init --data DIR --capacity SIZE --price TOKENS");
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        var volumes = new SortedDictionary<int, VolumeSettings>();
        int number = 0;
        foreach (string raw in File.ReadLines(path))
        {
            number++;
            int comment = raw.IndexOf('#', StringComparison.Ordinal);
            string line = (comment < 0 ? raw : raw[..comment]).Trim();
            if (line.Length == 0) continue;
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            string key = colon < 0 ? line : line[..colon].Trim();
            bool isVolume = VolumeSettings.TryReadKey(key, out int id);
            if (colon < 0 || !(isVolume || s_keys.Contains(key, StringComparer.Ordinal))) throw Wrong(path, number, $"known are volume.NUMBER, {string.Join(", ", s_keys)}");
            string value = line[(colon + 1)..].Trim();
            if (!isVolume) values[key] = value;
            else if (!VolumeSettings.TryParse(id, value, out VolumeSettings? volume)) throw Wrong(path, key, VolumeForm);
            else if (volumes.Values.Any(other => other.Store == volume.Store || other.Id == id)) throw Wrong(path, key, "each number and each place only once");
            else volumes.Add(id, volume);
        }

        if (!IPEndPoint.TryParse(Value("listen"), out IPEndPoint? listen)) throw Wrong(path, "listen", "an address and a port, 0.0.0.0:4600");
        if (!PeerEndpoint.TryParse(Value("url"), out PeerEndpoint? url) || !url.IsSecure) throw Wrong(path, "url", "https://HOST:PORT");
        if (volumes.Count is 0 or > VolumeSettings.CountMax) throw Wrong(path, VolumeSettings.KeyOf(0), VolumeForm);
        if (!TokenAmount.TryParse(Value("price"), null, out TokenAmount price) || price.Units == 0) throw Wrong(path, "price", "tokens per GiB and 30 days, 0.01");
        if (!IPEndPoint.TryParse(values.GetValueOrDefault("admin", "127.0.0.1:0"), out IPEndPoint? admin) || !IPAddress.IsLoopback(admin.Address))
        {
            throw Wrong(path, "admin", "a loopback address and a port, 127.0.0.1:4601");
        }

        if (!TokenAmount.TryParse(values.GetValueOrDefault("repair.leastBounty", "0"), null, out TokenAmount leastBounty)) throw Wrong(path, "repair.leastBounty", "tokens, 0.5");
        string? alerts = values.GetValueOrDefault("alerts");
        Uri? hook = null;
        // What is wrong is not quoted: the address may hold a secret.
        if (!string.IsNullOrEmpty(alerts) && !(Uri.TryCreate(alerts, UriKind.Absolute, out hook) && hook.Scheme is "https" or "http")) throw Wrong(path, "alerts", "the address that is told of alerts, https://…");
        BandwidthSchedule bandwidth;
        try
        {
            bandwidth = BandwidthSchedule.Parse(values.GetValueOrDefault("bandwidth", ""));
        }
        catch (FormatException e)
        {
            throw Wrong(path, "bandwidth", e.Message);
        }

        TimeSpan scrub = s_scrubDefault;
        if (values.TryGetValue("scrub", out string? every) && !Duration.TryParse(every, out scrub)) throw Wrong(path, "scrub", "how often everything is read, 30d or 12h");
        return new NodeConfig(listen, url, [.. volumes.Values], new Price(price), admin) { Bandwidth = bandwidth, ScrubEvery = scrub, Alerts = hook, LeastBounty = leastBounty };

        string Value(string key) => values.TryGetValue(key, out string? value) ? value : throw Wrong(path, key, "it is missing");
    }

    /// <summary>The file's text.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"""
        # A storage node. What changes here takes effect when the node is started again; the register on chain follows by itself.

        # Address and port for clients and readers.
        listen: {Listen}

        # The endpoint in the register on chain: how others reach the port above.
        url: {Url}

        # Where shards lie: one line for each volume, with its place and the bytes that shards may take there. Its number stays the same
        # when the place or the size changes. "market node volume" changes these lines while the node runs.
        #   volume.0: files:depot, 500 GiB                            a folder; one that begins with no slash is in the node's own
        #   volume.1: files:/mnt/disk2/market, 4 TiB, draining        is being emptied into the others
        #   volume.2: ipfs:http://127.0.0.1:5001, 1 TiB               an IPFS node, by its RPC
        #   volume.3: s3:https://s3.example.org/bucket/prefix, 8 TiB, credentials s3-credentials, region us-east-1
        # The credentials file has mode 600 and the lines "aws_access_key_id = ..." and "aws_secret_access_key = ...". Without one the
        # environment has AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
        {string.Join('\n', Volumes.Select(volume => $"{volume.Key}: {volume}"))}

        # Tokens for a GiB and 30 days.
        price: {Price}

        # Loopback address and port for the operator's pages; port 0 takes any free one. The password is in {NodeFiles.AdminPassword}.
        admin: {Admin}

        # How much of the line shards may take, by the day and the clock of this machine: [days] [hours] [in RATE] [out RATE], rules between
        # semicolons; the first that fits holds, and where none fits there is no cap. Proofs, answers and your pages are never slowed down.
        # bandwidth: mon-fri 08:00-18:00 in 1 MiB/s out 2 MiB/s; out 8 MiB/s
        bandwidth: {Bandwidth}

        # How often everything that is held is read and compared with its root (90s, 10m, 12h, 30d). The reading is spread over that time.
        scrub: {Duration.Format(ScrubEvery)}

        # An address of yours that is told when an alert begins and when it is over (POST, JSON, signed with {NodeFiles.AlertSecret}). Empty: nobody is.
        # alerts: https://hooks.example.org/market
        alerts: {Alerts}

        # Tokens that taking over a lost slot must bring above the price: two transactions and the fetching of the shard, of k shards with k of n.
        repair.leastBounty: {LeastBounty}

        """);

    private static MarketException Wrong(string path, int line, string hint) => new(MarketErrorCode.Usage, $"{path}, line {line}: this is not a setting.", hint);

    private static MarketException Wrong(string path, string key, string hint) => new(MarketErrorCode.Usage, $"{path}: '{key}' is not right.", hint);
}
