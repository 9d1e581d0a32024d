using Marketplace.Storage;
using Microsoft.Extensions.Time.Testing;

namespace Marketplace.Node.Tests;

public sealed class OnlineRecordTests : IAsyncLifetime
{
    private static readonly NodeLimits s_limits = new() { WatchEvery = TimeSpan.FromHours(1) };

    private readonly string _folder = Directory.CreateTempSubdirectory("market-online-").FullName;
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 6, 1, 0, 0, 0, TimeSpan.Zero));
    private ShardDepot _depot = null!;

    public async Task InitializeAsync() => _depot = await OpenAsync();

    public async Task DisposeAsync()
    {
        await _depot.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void A_new_node_has_nothing_to_tell() => Assert.Null(Record().Share());

    [Fact]
    public async Task Time_in_which_the_node_was_away_counts_against_it_through_a_restart()
    {
        Run(Record(), TimeSpan.FromHours(30));
        Assert.Equal(1.0, Record().Share()!.Value, 2);
        await _depot.DisposeAsync();
        _time.Advance(TimeSpan.FromHours(10));
        _depot = await OpenAsync();
        Run(Record(), TimeSpan.FromHours(40));
        Assert.Equal(7.0 / 8, Record().Share()!.Value, 2);
    }

    [Fact]
    public void Time_without_the_chain_counts_against_it()
    {
        Run(Record(), TimeSpan.FromHours(30));
        Run(Record(), TimeSpan.FromHours(10), seesChain: false);
        Assert.Equal(3.0 / 4, Record().Share()!.Value, 2);
    }

    [Fact]
    public void What_is_longer_ago_than_thirty_days_is_forgotten()
    {
        Run(Record(), TimeSpan.FromHours(1));
        _time.Advance(TimeSpan.FromHours(23));
        for (int day = 0; day < 31; day++) Run(Record(), TimeSpan.FromDays(1), every: TimeSpan.FromHours(2));
        Assert.Equal(1.0, Record().Share()!.Value, 2);
    }

    private void Run(OnlineRecord record, TimeSpan span, bool seesChain = true, TimeSpan? every = null)
    {
        record.Note(seesChain);
        DateTimeOffset end = _time.GetUtcNow() + span;
        while (_time.GetUtcNow() < end)
        {
            _time.Advance(every ?? s_limits.WatchEvery);
            record.Note(seesChain);
        }
    }

    private OnlineRecord Record() => new(_depot, s_limits, _time);

    private Task<ShardDepot> OpenAsync() => ShardDepot.OpenAsync(new DepotOptions(Path.Combine(_folder, "depot"), 1 << 20), _time, default);
}
