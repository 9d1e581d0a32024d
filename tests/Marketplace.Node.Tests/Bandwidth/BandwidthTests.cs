using System.Diagnostics;
using CsCheck;
using Marketplace.Coding;
using Marketplace.Network;
using Microsoft.Extensions.Time.Testing;

namespace Marketplace.Node.Tests;

public sealed class BandwidthScheduleTests
{
    private const long Mib = 1 << 20;

    [Theory]
    [InlineData("in 1 MiB/s", "Mon 12:00", Mib, null)]
    [InlineData("out 2MiB/s", "Mon 12:00", null, 2 * Mib)]
    [InlineData("mon-fri 08:00-18:00 in 1 MiB/s out 2 MiB/s; out 8 MiB/s", "Mon 07:59", null, 8 * Mib)]
    [InlineData("mon-fri 08:00-18:00 in 1 MiB/s out 2 MiB/s; out 8 MiB/s", "Mon 08:00", Mib, 2 * Mib)]
    [InlineData("mon-fri 08:00-18:00 in 1 MiB/s out 2 MiB/s; out 8 MiB/s", "Fri 17:59", Mib, 2 * Mib)]
    [InlineData("mon-fri 08:00-18:00 in 1 MiB/s out 2 MiB/s; out 8 MiB/s", "Fri 18:00", null, 8 * Mib)]
    [InlineData("mon-fri 08:00-18:00 in 1 MiB/s out 2 MiB/s; out 8 MiB/s", "Sat 12:00", null, 8 * Mib)]
    [InlineData("sat,sun in 1 MiB/s", "Sun 23:59", Mib, null)]
    [InlineData("sat,sun in 1 MiB/s", "Mon 00:00", null, null)]
    [InlineData("fri-mon in 1 MiB/s", "Sun 12:00", Mib, null)]
    [InlineData("fri-mon in 1 MiB/s", "Tue 12:00", null, null)]
    [InlineData("fri 22:00-06:00 in 1 MiB/s", "Fri 22:00", Mib, null)]
    [InlineData("fri 22:00-06:00 in 1 MiB/s", "Sat 05:59", Mib, null)]
    [InlineData("fri 22:00-06:00 in 1 MiB/s", "Fri 05:59", null, null)]
    [InlineData("18:00-24:00 in 1 MiB/s", "Wed 23:59", Mib, null)]
    [InlineData("", "Wed 23:59", null, null)]
    public void The_first_rule_that_fits_the_hour_holds(string text, string when, long? inwards, long? outwards) =>
        Assert.Equal((inwards, outwards), BandwidthSchedule.Parse(text).At(At(when)));

    [Theory]
    [InlineData("fast")]
    [InlineData("mon-fri")]
    [InlineData("in")]
    [InlineData("in 1 MiB")]
    [InlineData("in 1 MiB/s in 2 MiB/s")]
    [InlineData("25:00-26:00 in 1 MiB/s")]
    [InlineData("08:00-08:00 in 1 MiB/s")]
    [InlineData("mon-noday in 1 MiB/s")]
    [InlineData("in 1 KiB/s")]
    [InlineData("in -1 MiB/s")]
    public void What_is_no_rule_is_refused_and_quoted(string text) =>
        Assert.Contains(text, Assert.Throws<FormatException>(() => BandwidthSchedule.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void What_is_written_is_read_back() =>
        Gen.Select(Gen.Int[1, 0x7f], Gen.Int[0, 1439], Gen.Int[1, 1440], Gen.Long[BandwidthSchedule.BytesPerSecondMin, 1L << 40].Nullable(), Gen.Long[BandwidthSchedule.BytesPerSecondMin, 1L << 40])
            .Where(rule => rule.Item2 != rule.Item3)
            .Select(rule => new BandwidthRule(rule.Item1, rule.Item2, rule.Item3, rule.Item4, rule.Item5))
            .Array[0, 5]
            .Sample(rules => new BandwidthSchedule(rules).Equals(BandwidthSchedule.Parse(new BandwidthSchedule(rules).ToString())));

    private static DateTime At(string when)
    {
        // The first of June 2026 is a Monday.
        int day = Array.IndexOf(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"], when[..3]);
        return new DateTime(2026, 6, 1 + day) + TimeSpan.Parse(when[4..], System.Globalization.CultureInfo.InvariantCulture);
    }
}

public sealed class BandwidthCapTests
{
    private const int Rate = 1 << 20;
    private static readonly DateTimeOffset s_mondayNoon = new(2026, 6, 1, 12, 0, 0, TimeSpan.Zero);
    private readonly FakeTimeProvider _time = new(s_mondayNoon);

    [Fact]
    public void Without_a_cap_nothing_waits_and_nothing_is_allocated()
    {
        var cap = new BandwidthCap(BandwidthSchedule.Parse("out 1 MiB/s"), caps => caps.In, _time);
        Assert.True(cap.TakeAsync(1 << 30, default).IsCompletedSuccessfully);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1_000; i++) _ = cap.TakeAsync(1 << 20, default).IsCompletedSuccessfully;
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public async Task Bytes_pass_at_the_pace_of_the_cap_in_the_order_in_which_they_were_asked_for()
    {
        BandwidthCap cap = Capped("in 1 MiB/s");
        _time.Advance(TimeSpan.FromMinutes(1));
        // A second's worth was saved up, no more.
        Assert.True(cap.TakeAsync(Rate, default).IsCompletedSuccessfully);
        Task[] waiting = [.. Enumerable.Range(0, 4).Select(_ => cap.TakeAsync(Rate / 2, default).AsTask())];
        for (int passed = 0; passed < waiting.Length; passed++)
        {
            Assert.Equal(passed, waiting.Count(one => one.IsCompleted));
            _time.Advance(TimeSpan.FromMilliseconds(505));
            await waiting[passed].WaitAsync(TimeSpan.FromSeconds(20));
        }
    }

    [Fact]
    public async Task Another_hour_has_another_cap_for_those_who_wait_too()
    {
        BandwidthCap cap = Capped("mon 08:00-12:01 in 128 KiB/s");
        Task waits = cap.TakeAsync(1 << 30, default).AsTask();
        for (int second = 0; second < 59; second++) _time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(waits.IsCompleted);
        await AdvanceUntilAsync(waits, TimeSpan.FromSeconds(3));
    }

    [Fact]
    public async Task Who_gives_up_stops_waiting()
    {
        BandwidthCap cap = Capped("in 128 KiB/s");
        using var stop = new CancellationTokenSource();
        Task waits = cap.TakeAsync(1 << 30, stop.Token).AsTask();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waits);
    }

    private BandwidthCap Capped(string text)
    {
        _time.SetLocalTimeZone(TimeZoneInfo.Utc);
        return new BandwidthCap(BandwidthSchedule.Parse(text), caps => caps.In, _time);
    }

    private async Task AdvanceUntilAsync(Task task, TimeSpan within)
    {
        DateTimeOffset end = _time.GetUtcNow() + within;
        while (!task.IsCompleted && _time.GetUtcNow() < end)
        {
            _time.Advance(TimeSpan.FromMilliseconds(500));
            await Task.WhenAny(task, Task.Delay(50));
        }

        await task.WaitAsync(TimeSpan.FromSeconds(20));
    }
}

/// <summary>Caps over a real socket.</summary>
[Collection(MarketCollection.Name)]
public sealed class BandwidthOnTheWireTests(MarketFixture market)
{
    [Fact]
    public async Task A_capped_node_takes_and_gives_no_faster_and_answers_small_questions_meanwhile()
    {
        await using RunningTestNode node = await market.StartNodeAsync(
            config: config => config with { Bandwidth = BandwidthSchedule.Parse("in 512 KiB/s out 512 KiB/s") });
        using NodeClient client = node.Connect(market.ClientAccount);
        byte[] shard = NodeProtocolTests.RandomBytes(3 << 20);
        ShardCommitment commitment = MerkleTree.Commit(shard);
        using NodeClient asker = node.Connect(null);
        (await asker.GetInfoAsync(default)).Got();

        long started = Stopwatch.GetTimestamp();
        Task<NodeAnswer<UploadReceipt>> upload = NodeProtocolTests.Upload(client, market.NextDeal(), shard);
        (await asker.GetInfoAsync(default)).Got();
        Assert.False(upload.IsCompleted);
        (await upload).Got();
        TimeSpan took = Stopwatch.GetElapsedTime(started);
        // A second's worth may have been saved up.
        Assert.True(took > TimeSpan.FromSeconds(4), $"{shard.Length} bytes came in {took.TotalSeconds} s.");

        started = Stopwatch.GetTimestamp();
        byte[] got = new byte[shard.Length];
        Assert.Equal(NodeOutcome.Ok, (await client.ReadAsync(commitment, 0, got, market.ClientAccount.Address, default)).Outcome);
        took = Stopwatch.GetElapsedTime(started);
        Assert.Equal(shard, got);
        Assert.True(took > TimeSpan.FromSeconds(4), $"{shard.Length} bytes went out in {took.TotalSeconds} s.");

        using HttpClient @operator = node.Operator();
        string metrics = await @operator.GetStringAsync("/metrics");
        Assert.Contains("node_shard_bytes", metrics, StringComparison.Ordinal);
        Assert.Contains("direction=\"out\"", metrics, StringComparison.Ordinal);
        Assert.Contains("node_used", metrics, StringComparison.Ordinal);
    }
}
