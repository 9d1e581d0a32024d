using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Marketplace.Domain;
using Marketplace.Node;
using Marketplace.Testing;

namespace Marketplace.Chaos.Tests;

/// <summary>Blocks in which a node did not answer; <see cref="To"/> is null while it is away.</summary>
internal sealed record Absence(BlockNumber From, BlockNumber? To);

/// <summary>A storage node in a process of its own, and what was done to it.</summary>
internal sealed class ChaosNode(NodeId id, Address hot, Uri url, string dataDir, NodeDisk disk, FastChain chain, string contractsFile, string passphraseFile) : IAsyncDisposable
{
    /// <summary>Blocks that a proof takes, from its turn until one holds it.</summary>
    private const ulong ProofBlocks = 5;

    private static readonly HttpClient s_http = new(new SocketsHttpHandler
    {
        // Only whether it answers is looked at.
        SslOptions = { RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null },
    })
    { Timeout = TimeSpan.FromSeconds(5) };

    // All of them start at once, on a machine that may be small.
    private static readonly TimeSpan s_startMax = 2 * Patience.Start;

    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(1);

    // Blocks come meanwhile, so who sees none for so long is not slow but stuck, and is not waited for.
    private static readonly TimeSpan s_stuckAfter = TimeSpan.FromSeconds(60);

    private readonly Lock _lock = new();
    private readonly List<Absence> _absences = [];
    private readonly HashSet<Root> _damaged = [];
    private readonly HashSet<Root> _everDamaged = [];
    private Process? _process;
    private ulong _seen;
    private long _moved = Stopwatch.GetTimestamp();
    private bool _isStuck;

    public NodeId Id { get; } = id;

    /// <summary>Signs for it and puts down its bonds.</summary>
    public Address Hot { get; } = hot;

    public NodeDisk Disk { get; } = disk;

    /// <summary>Whether it runs and answered once.</summary>
    public bool IsUp { get; private set; }

    /// <summary>The newest block that it said it has seen; the tip while it is away, and of one that is stuck.</summary>
    public BlockNumber Seen => IsUp && !_isStuck ? new BlockNumber(Volatile.Read(ref _seen)) : chain.Tip;

    /// <summary>When it came back last.</summary>
    public BlockNumber UpSince { get; private set; }

    /// <summary>Its disk is full or read-only.</summary>
    public bool IsDiskBad { get; set; }

    /// <summary>It is for good out of the market; another took its place.</summary>
    public bool IsRetired { get; set; }

    /// <summary>What it asks, against the usual.</summary>
    public int PriceLevel { get; set; }

    /// <summary>When nobody killed it and it ended.</summary>
    public bool EndedByItself => IsUp && _process is { HasExited: true };

    /// <summary>The settings of the operator.</summary>
    public string ConfigFile => Path.Combine(dataDir, "node.yaml");

    public IReadOnlyList<Absence> Absences
    {
        get
        {
            lock (_lock) return [.. _absences];
        }
    }

    /// <summary>Starts it and waits until it answers.</summary>
    /// <exception cref="InvalidOperationException">It ended, or does not answer.</exception>
    public async Task StartAsync()
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { UseShellExecute = false, RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (string argument in (string[])[Path.Combine(AppContext.BaseDirectory, "market.dll"), "node", "run", "--data", dataDir, "--log", LogFile, "--rpc", chain.Chain.Url, "--contracts", contractsFile])
            start.ArgumentList.Add(argument);
        start.Environment["MARKET_PASSPHRASE_FILE"] = passphraseFile;
        start.Environment["MARKET_DEVNET"] = "none";
        start.Environment["MARKET_HOME"] = Path.GetDirectoryName(dataDir)!;
        Process process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        var said = new List<string>();
        process.ErrorDataReceived += (_, line) =>
        {
            lock (said)
            {
                if (line.Data is { Length: > 0 } text && said.Count < 20) said.Add(text);
            }
        };
        process.BeginErrorReadLine();
        _process = process;
        var patience = Stopwatch.StartNew();
        while (!await AnswersAsync())
        {
            if (process.HasExited || patience.Elapsed > s_startMax)
            {
                lock (said) throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"node {Id} does not start: {string.Join(" | ", said)}"));
            }

            await Task.Delay(100);
        }

        lock (_lock)
        {
            if (_absences is [.., { To: null } last]) _absences[^1] = last with { To = chain.Tip };
            UpSince = chain.Tip;
            Volatile.Write(ref _seen, chain.Tip.Value);
            _moved = Stopwatch.GetTimestamp();
            _isStuck = false;
            IsUp = true;
        }
    }

    /// <summary>SIGKILL, and waits until the kernel has done it.</summary>
    public async Task KillAsync()
    {
        Leave();
        if (_process is not { } process) return;
        if (!process.HasExited) process.Kill();
        await process.WaitForExitAsync().Within(Patience.Stop, "The end of a killed node");
    }

    /// <summary>SIGTERM, as an operator stops it.</summary>
    public async Task StopAsync()
    {
        Leave();
        if (_process is not { } process) return;
        using (Process kill = Process.Start("kill", ["-TERM", process.Id.ToString(CultureInfo.InvariantCulture)])) await kill.WaitForExitAsync();
        await process.WaitForExitAsync().Within(Patience.Stop, "The end of a stopped node");
    }

    /// <summary>Asks a node that is up, over and over, which block it has seen, as long as the network lives.</summary>
    public async Task WatchAsync(CancellationToken token)
    {
        while (!token.IsCancellationRequested)
        {
            await Task.Delay(s_look, token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!IsUp) continue;
            ulong before = Volatile.Read(ref _seen);
            try
            {
                using JsonDocument info = JsonDocument.Parse(await s_http.GetStringAsync(new Uri(url, "/v1/info"), token));
                ulong seen = info.RootElement.GetProperty("block").GetUInt64();
                if (seen > before) _moved = Stopwatch.GetTimestamp();
                Volatile.Write(ref _seen, seen);
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
            {
                // It was killed, or is slow.
            }

            _isStuck = Stopwatch.GetElapsedTime(_moved) > s_stuckAfter;
        }
    }

    /// <summary>Whether it was told to be away for more than half of a period, or went before its proof could come into a block and stayed away to the end.</summary>
    public bool WasAway(PeriodNumber period)
    {
        ulong first = chain.Schedule.FirstBlock(period).Value;
        ulong last = chain.Schedule.LastBlock(period).Value;
        ulong proved = ProofSpread.ProvesFrom(chain.Schedule, period, Id).Value + ProofBlocks;
        ulong away = 0;
        foreach (Absence absence in Absences)
        {
            if (absence.From.Value < proved && (absence.To?.Value ?? ulong.MaxValue) >= last) return true;
            ulong from = Math.Max(first, absence.From.Value);
            ulong to = Math.Min(last, absence.To?.Value ?? ulong.MaxValue);
            if (to > from) away += to - from;
        }

        return away * 2 > last - first;
    }

    public void NoteDamage(Root root)
    {
        lock (_lock)
        {
            _damaged.Add(root);
            _everDamaged.Add(root);
        }
    }

    /// <summary>Another holds the slot of this shard now: whatever lies here counts no more, and comes whole if it comes again.</summary>
    public void ForgetDamage(Root root)
    {
        lock (_lock) _damaged.Remove(root);
    }

    public bool IsDamaged(Root root)
    {
        lock (_lock) return _damaged.Contains(root);
    }

    public bool WasDamaged(Root root)
    {
        lock (_lock) return _everDamaged.Contains(root);
    }

    public IReadOnlyList<Root> Damaged
    {
        get
        {
            lock (_lock) return [.. _damaged];
        }
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process?.Dispose();
        Disk.Remove();
    }

    private string LogFile => dataDir + ".log";

    private void Leave()
    {
        lock (_lock)
        {
            if (_absences is not [.., { To: null }]) _absences.Add(new Absence(chain.Tip, null));
            IsUp = false;
        }
    }

    private async Task<bool> AnswersAsync()
    {
        try
        {
            using HttpResponseMessage answer = await s_http.GetAsync(new Uri(url, "/v1/health"));
            return true;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            return false;
        }
    }
}
