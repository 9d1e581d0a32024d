using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Marketplace.Domain;
using Marketplace.Storage;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Marketplace.Node.Tests;

/// <summary>What the operator's webhook hears, over a real socket.</summary>
public sealed class AlertTests : IAsyncLifetime
{
    private static readonly NodeAlert s_gas = new("gas", CheckState.Failed, "Little gas is left.");
    private static readonly NodeAlert s_space = new("space", CheckState.Warning, "Little room is left.");

    private readonly string _folder = Directory.CreateTempSubdirectory("market-alerts-").FullName;
    private readonly FakeTimeProvider _time = new();
    private readonly HookServer _hook = new();
    private Webhook _webhook = null!;
    private ShardDepot _depot = null!;

    private string SecretFile => Path.Combine(_folder, NodeFiles.AlertSecret);

    public async Task InitializeAsync()
    {
        _webhook = new Webhook(_hook.Url, SecretFile, _time);
        _depot = await OpenAsync();
    }

    public async Task DisposeAsync()
    {
        await _depot.DisposeAsync();
        _webhook.Dispose();
        _hook.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task An_alert_is_told_once_when_it_begins_and_once_when_it_is_over()
    {
        AlertOutbox outbox = Outbox();
        for (int look = 0; look < 4; look++) await LookAsync(outbox, s_gas);
        for (int look = 0; look < 4; look++) await LookAsync(outbox);

        Assert.Equal(["raised gas", "cleared gas"], Told());
    }

    [Fact]
    public async Task What_comes_and_goes_between_two_looks_wakes_nobody()
    {
        AlertOutbox outbox = Outbox();
        foreach (int _ in Enumerable.Range(0, 3))
        {
            await LookAsync(outbox, s_gas);
            await LookAsync(outbox);
        }

        Assert.Empty(_hook.Calls);
    }

    [Fact]
    public async Task The_receiver_can_check_who_wrote()
    {
        AlertOutbox outbox = Outbox();
        await LookAsync(outbox, s_gas);
        await LookAsync(outbox, s_gas);

        (string path, string? time, string? signature, byte[] body) = Assert.Single(_hook.Calls);
        Assert.Equal(_hook.Url.AbsolutePath, path);
        Assert.Equal(_time.GetUtcNow().ToUnixTimeSeconds().ToString(System.Globalization.CultureInfo.InvariantCulture), time);
        byte[] secret = Encoding.UTF8.GetBytes((await File.ReadAllTextAsync(SecretFile)).Trim());
        Assert.Equal("sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(secret, Encoding.ASCII.GetBytes(time + ".").Concat(body).ToArray())), signature);
        JsonElement json = JsonDocument.Parse(body).RootElement;
        Assert.Equal(["id", "node", "change", "alert", "severity", "text", "at"], json.EnumerateObject().Select(member => member.Name));
        Assert.Equal((7, "raised", "gas", "failed"), (json.GetProperty("node").GetInt32(), json.GetProperty("change").GetString(), json.GetProperty("alert").GetString(), json.GetProperty("severity").GetString()));
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(SecretFile));
    }

    [Fact]
    public async Task A_receiver_that_is_away_is_tried_less_and_less_often_and_then_told_in_order()
    {
        AlertOutbox outbox = Outbox();
        _hook.Status = 500;
        await LookAsync(outbox, s_gas, s_space);
        await LookAsync(outbox, s_gas, s_space);
        for (int second = 0; second < 120; second++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await outbox.DeliverAsync(default);
        }

        // At 0, 5, 15, 35 and 75 seconds.
        Assert.Equal(5, _hook.Calls.Count);
        Assert.Single(_hook.Calls.Select(call => JsonDocument.Parse(call.Body).RootElement.GetProperty("id").GetString()).Distinct());
        _hook.Status = 200;
        _hook.Calls.Clear();
        _time.Advance(new NodeLimits().AlertPauseMax);
        await outbox.DeliverAsync(default);
        Assert.Equal(["raised gas", "raised space"], Told());
    }

    [Fact]
    public async Task A_restart_repeats_nothing_and_forgets_nothing()
    {
        AlertOutbox outbox = Outbox();
        await LookAsync(outbox, s_gas);
        await LookAsync(outbox, s_gas);
        _hook.Status = 503;
        await LookAsync(outbox, s_gas, s_space);
        await LookAsync(outbox, s_gas, s_space);
        await _depot.DisposeAsync();
        _depot = await OpenAsync();
        _hook.Status = 200;
        _hook.Calls.Clear();

        AlertOutbox again = Outbox();
        await LookAsync(again, s_gas, s_space);
        await LookAsync(again, s_space);
        await LookAsync(again, s_space);

        Assert.Equal(["raised space", "cleared gas"], Told());
    }

    [Fact]
    public async Task No_more_than_so_many_messages_wait()
    {
        AlertOutbox outbox = Outbox(new NodeLimits { AlertsWaitingMax = 3 });
        _hook.Status = 500;
        NodeAlert[] many = [.. Enumerable.Range(0, 10).Select(i => s_gas with { Key = $"volume-{i}" })];
        await LookAsync(outbox, many);
        await LookAsync(outbox, many);
        _hook.Status = 200;
        _hook.Calls.Clear();
        _time.Advance(new NodeLimits().AlertPauseMax);
        await outbox.DeliverAsync(default);

        Assert.Equal(["raised volume-7", "raised volume-8", "raised volume-9"], Told());
    }

    [Fact]
    public async Task Nobody_but_whom_the_operator_named_is_called()
    {
        _hook.Status = 302;
        string? why = await _webhook.SendAsync(AlertMessage.Make(new NodeId(7), AlertChange.Test, s_gas, _time.GetUtcNow()), default);

        Assert.Equal("it answers with status 302", why);
        Assert.Equal(_hook.Url.AbsolutePath, Assert.Single(_hook.Calls).Path);
    }

    private static Task<ShardDepot> OpenAsync(string folder, TimeProvider time) => ShardDepot.OpenAsync(new DepotOptions(folder, 1 << 20), time, default);

    private Task<ShardDepot> OpenAsync() => OpenAsync(Path.Combine(_folder, "depot"), _time);

    private AlertOutbox Outbox(NodeLimits? limits = null) => new(new NodeId(7), _depot, _webhook, limits ?? new NodeLimits(), _time, NullLogger<AlertOutbox>.Instance);

    private static async Task LookAsync(AlertOutbox outbox, params NodeAlert[] alerts)
    {
        outbox.Look(alerts);
        await outbox.DeliverAsync(default);
    }

    private string[] Told() =>
    [
        .. _hook.Calls.Select(call => JsonDocument.Parse(call.Body).RootElement)
            .Select(json => $"{json.GetProperty("change").GetString()} {json.GetProperty("alert").GetString()}"),
    ];
}

[Collection(MarketCollection.Name)]
public sealed class AlertOfNodeTests(MarketFixture market)
{
    [Fact]
    public async Task A_node_whose_gas_runs_out_tells_its_operator_and_tells_again_when_it_is_filled()
    {
        using var hook = new HookServer();
        await using RunningTestNode node = await market.StartNodeAsync(
            new NodeLimits { WatchEvery = TimeSpan.FromMilliseconds(200) }, config: config => config with { Alerts = hook.Url });
        (Address hot, _) = NodeKeys.ReadPublic(node.DataDir);

        await market.Chain.SetBalanceAsync(hot, 1);
        await NodeProtocolTests.Eventually(() => Task.FromResult(!hook.Calls.IsEmpty));
        using (HttpClient @operator = node.Operator())
        {
            JsonElement overview = JsonDocument.Parse(await @operator.GetStringAsync("/v1/admin/overview")).RootElement;
            Assert.Contains(overview.GetProperty("alerts").EnumerateArray(), alert => alert.GetProperty("key").GetString() == "gas");
        }

        await market.Chain.SetBalanceAsync(hot, BigInteger.Pow(10, 18));
        await NodeProtocolTests.Eventually(() => Task.FromResult(hook.Calls.Count == 2));
        Assert.Equal(["raised", "cleared"], hook.Calls.Select(call => JsonDocument.Parse(call.Body).RootElement.GetProperty("change").GetString()!));

        IReadOnlyList<NodeCheck> checks = await NodeDoctor.ExamineAsync(node.DataDir, _ => Task.FromResult(market.Owner), TimeProvider.System, sendAlert: true, default);
        Assert.Equal(CheckState.Ok, checks.Single(check => check.Name == "alert").State);
        Assert.Equal(3, hook.Calls.Count);
        string log = await File.ReadAllTextAsync(node.LogFile);
        Assert.Contains("Told the operator", log, StringComparison.Ordinal);
        Assert.DoesNotContain("with-a-secret", log, StringComparison.Ordinal);
        Assert.DoesNotContain((await File.ReadAllTextAsync(Path.Combine(node.DataDir, NodeFiles.AlertSecret))).Trim(), log, StringComparison.Ordinal);
    }
}
