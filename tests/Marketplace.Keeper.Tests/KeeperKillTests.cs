using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Marketplace.Chain.Accounts;
using Marketplace.Chain.Eth;
using Marketplace.Domain;
using Marketplace.Keeper.Indexing;
using Marketplace.Testing;
using Microsoft.Data.Sqlite;

namespace Marketplace.Keeper.Tests;

/// <summary>What <c>market keeper run</c> has in its tables is what the chain says, whatever happened to the process and to the chain.</summary>
public sealed class KeeperKillTests(ChainFixture fixture) : IClassFixture<ChainFixture>, IAsyncLifetime
{
    private const int Kills = 8;

    private readonly MarketOnChain _market = fixture.Market;
    private readonly TestFolder _killed = new();
    private readonly TestFolder _spared = new();
    private readonly TestFolder _late = new();
    private string _before = "";

    public async Task InitializeAsync() => _before = await _market.Chain.SnapshotAsync();

    public async Task DisposeAsync()
    {
        await _market.Chain.RevertAsync(_before);
        foreach (TestFolder folder in (TestFolder[])[_killed, _spared, _late]) folder.Dispose();
    }

    /// <summary>
    /// The chain goes on and reorganises all the time, so that a keeper always has something to index. A kill comes at a random
    /// moment of its life, or just when it writes.
    /// </summary>
    [Theory]
    [InlineData(1)]
    public async Task A_keeper_killed_over_and_over_has_the_tables_of_one_that_never_was(int seed)
    {
        Random random = new(seed);
        using CancellationTokenSource enough = new();
        await using KeeperProcess spared = await KeeperProcess.StartAsync(_market, _spared);
        Task<int> living = Task.Run(() => LiveAsync(new Random(seed + 1), enough.Token));
        int behind = 0;
        List<long> heads = [];
        for (int kill = 0; kill < Kills; kill++)
        {
            await using (KeeperChild keeper = KeeperChild.Start(_market, _killed))
            {
                await keeper.AnsweringAsync();
                if (random.Next(2) == 0) await Task.Delay(random.Next(1_500));
                else await keeper.WritingAsync();
            }

            long head = IndexedHead(_killed);
            heads.Add(head);
            if (head < (long)(await _market.HeadAsync()).Number) behind++;
        }

        await enough.CancelAsync();
        int reorganisations = await living.Within(Patience.Tool, "The last step of the chain");
        await using (KeeperChild last = KeeperChild.Start(_market, _killed)) await CaughtUpAsync(_killed);
        await CaughtUpAsync(_spared);
        await using (await KeeperProcess.StartAsync(_market, _late)) await CaughtUpAsync(_late);

        Assert.Equal(Dump(_spared), Dump(_killed));
        Assert.Equal(Dump(_late, withUndo: false), Dump(_killed, withUndo: false));
        Assert.True(reorganisations > 2, $"The chain reorganised {reorganisations} times.");
        Assert.True(behind > 2, $"{behind} of {Kills} kills came while there was something to index: {string.Join(' ', heads)}");
        Assert.True(heads.Distinct().Count() > 2, $"Kills found the tables at blocks {string.Join(' ', heads)}.");
    }

    [Fact]
    public async Task A_reorganisation_deeper_than_the_follower_remembers_ends_with_the_tables_of_a_new_keeper()
    {
        NodeId kept = await _market.RegisterAsync("0.01");
        string fork = await _market.Chain.SnapshotAsync();
        await using KeeperProcess keeper = await KeeperProcess.StartAsync(_market, _spared);
        await _market.OpenAsync(1, 50, kept);
        NodeId lost = await _market.RegisterAsync("0.02");
        await _market.Chain.MineInBulkAsync(300);
        await _market.OpenAsync(2, 50, lost);
        await CaughtUpAsync(_spared);

        await _market.Chain.RevertAsync(fork);
        await _market.RegisterAsync("0.03");
        await _market.OpenAsync(3, 50, kept);
        await _market.Chain.MineInBulkAsync(400);
        await CaughtUpAsync(_spared);
        await using (await KeeperProcess.StartAsync(_market, _late)) await CaughtUpAsync(_late);

        string[] tables = Dump(_spared, withUndo: false);
        Assert.Equal(Dump(_late, withUndo: false), tables);
        Assert.Single(tables, static row => row.StartsWith("deals|", StringComparison.Ordinal));
    }

    /// <summary>Registrations, deals, proofs and new offers, and now and then blocks that are replaced by others. Gives how often they were.</summary>
    private async Task<int> LiveAsync(Random random, CancellationToken token)
    {
        ulong deal = 0;
        int reorganisations = 0;
        while (!token.IsCancellationRequested)
        {
            string? fork = random.Next(3) == 0 ? await _market.Chain.SnapshotAsync() : null;
            ulong dealAtFork = deal;
            for (int i = random.Next(1, 4); i > 0; i--)
            {
                NodeId first = await _market.RegisterAsync("0.01");
                NodeId second = await _market.RegisterAsync("0.02");
                await _market.OpenAsync(++deal, 5, first, second);
                await _market.Contracts.NodeRegistry.SetOfferAsync(first.Value, (ulong)random.Next(1, 1000), 1);
                if (random.Next(3) == 0) await _market.ProveAsync(second, await _market.NextPeriodAsync());
            }

            if (fork is null) continue;
            // Long enough for the keepers to have seen what is now taken back, some of the times.
            if (random.Next(2) == 0) await Task.Delay(random.Next(400), CancellationToken.None);
            ulong replaced = await _market.Contracts.Web3.Eth.GetBlockNumberAsync();
            await _market.Chain.RevertAsync(fork);
            deal = dealAtFork;
            await _market.RegisterAsync("0.9");
            ulong height = await _market.Contracts.Web3.Eth.GetBlockNumberAsync();
            if (height <= replaced) await _market.Chain.MineAsync(replaced - height + 1);
            reorganisations++;
        }

        return reorganisations;
    }

    private async Task CaughtUpAsync(TestFolder folder)
    {
        Block head = await _market.HeadAsync();
        long began = Stopwatch.GetTimestamp();
        while (Read(folder, "SELECT block || ' ' || lower(hex(hash)) FROM cursor") is var row && !row.SequenceEqual([$"{head.Number} {head.Hash.ToString()[2..]}"]))
        {
            if (Stopwatch.GetElapsedTime(began) > Patience.Tool) Assert.Fail($"The keeper stays at {string.Join(' ', row)}, the chain is at {head.Number} {head.Hash}.");
            await Task.Delay(50);
        }
    }

    private static long IndexedHead(TestFolder folder) =>
        Read(folder, "SELECT coalesce(block, 0) FROM cursor") is [var block] ? long.Parse(block, CultureInfo.InvariantCulture) : 0;

    /// <summary>All rows that come from the chain, each as text.</summary>
    private static string[] Dump(TestFolder folder, bool withUndo = true)
    {
        List<string> rows = [.. Read(folder, "SELECT block || ' ' || hex(hash) || ' ' || time FROM cursor")];
        foreach (string table in Schema.ProjectionTables)
        {
            string[] columns = Read(folder, $"SELECT 'quote(' || name || ')' FROM pragma_table_info('{table}')");
            rows.AddRange(Read(folder, $"SELECT '{table}|' || {string.Join(" || '|' || ", columns)} FROM {table} ORDER BY id"));
        }

        if (withUndo) rows.AddRange(Read(folder, "SELECT 'undo|' || block || '|' || sql FROM undo ORDER BY seq"));
        Assert.Empty(Read(folder, "SELECT block FROM working"));
        Assert.Equal(["ok"], Read(folder, "PRAGMA integrity_check"));
        return [.. rows];
    }

    private static string[] Read(TestFolder folder, string sql)
    {
        if (!File.Exists(folder.Database)) return [];
        using var db = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = folder.Database, DefaultTimeout = 30, Pooling = false }.ToString());
        db.Open();
        if (db.Number("SELECT count(*) FROM sqlite_master WHERE name = 'cursor'") == 0) return [];
        return [.. db.List(sql, static reader => reader.IsDBNull(0) ? "" : reader.GetValue(0).ToString()!)];
    }
}

/// <summary><c>market keeper run</c> as a process of its own. Disposing kills it: a keeper gets no chance to end in order here.</summary>
internal sealed class KeeperChild : IAsyncDisposable
{
    private readonly Process _process;
    private readonly string _log;
    private readonly TestFolder _folder;
    private readonly TaskCompletionSource _answering = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private KeeperChild(Process process, TestFolder folder, string log)
    {
        _process = process;
        _folder = folder;
        _log = log;
        process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data?.Contains("answers at", StringComparison.Ordinal) == true) _answering.TrySetResult();
        };
        process.OutputDataReceived += static (_, _) => { };
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
    }

    public static KeeperChild Start(MarketOnChain market, TestFolder folder)
    {
        string contracts = Path.Combine(folder.Path, "contracts.json"), log = Path.Combine(folder.Path, "keeper.log");
        if (!File.Exists(contracts))
        {
            // A dear key would only cost time at every start.
            KeeperKey.OpenOrCreate(Path.Combine(folder.Path, "keeper-key.json"), KeeperProcess.Passphrase, KeyStoreStrength.Light).Dispose();
            var named = market.Deployment.Addresses.ToDictionary(static pair => pair.Key, static pair => (object)pair.Value.ToString());
            named["chainId"] = market.Deployment.ChainId;
            named["fromBlock"] = market.Deployment.FromBlock;
            File.WriteAllText(contracts, JsonSerializer.Serialize(named));
        }

        var start = new ProcessStartInfo("dotnet") { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in (string[])[Path.Combine(AppContext.BaseDirectory, "market.dll"), "keeper", "run", "--data", folder.Path, "--listen", "127.0.0.1:0", "--ping-frame", "10m", "--log", log])
            start.ArgumentList.Add(argument);
        foreach (string name in start.Environment.Keys.Where(static name => name.StartsWith("MARKET_", StringComparison.Ordinal)).ToArray()) start.Environment.Remove(name);
        start.Environment["MARKET_DEVNET"] = "none";
        start.Environment["MARKET_CONTRACTS"] = contracts;
        start.Environment["MARKET_RPC_URL"] = market.Chain.Url;
        start.Environment["MARKET_PASSPHRASE"] = KeeperProcess.Passphrase;
        return new KeeperChild(Process.Start(start)!, folder, log);
    }

    public async Task AnsweringAsync()
    {
        if (await Task.WhenAny(_answering.Task, _process.WaitForExitAsync()).Within(Patience.Start, "The start of the keeper") == _answering.Task) return;
        Assert.Fail($"The keeper ended with {_process.ExitCode}.\n{(File.Exists(_log) ? File.ReadAllText(_log) : "")}");
    }

    /// <summary>Comes back as soon as the keeper has begun to write into its database.</summary>
    public async Task WritingAsync()
    {
        var wal = new FileInfo(_folder.Database + "-wal");
        (bool, long, DateTime) State()
        {
            wal.Refresh();
            return wal.Exists ? (true, wal.Length, wal.LastWriteTimeUtc) : default;
        }

        (bool, long, DateTime) before = State();
        long began = Stopwatch.GetTimestamp();
        while (State() == before && Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(2)) await Task.Delay(1);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) _process.Kill();
        await _process.WaitForExitAsync().Within(Patience.Stop, "The end of a killed keeper");
        _process.Dispose();
    }
}
