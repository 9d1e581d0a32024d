using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;

namespace Marketplace.Network.Tests;

public sealed class NameLookupsTests
{
    [Fact]
    public async Task Names_that_no_server_answers_for_take_few_threads_and_whoever_waits_may_leave()
    {
        var never = new TaskCompletionSource<IPAddress[]>();
        int running = 0;
        var lookups = new NameLookups(_ => { Interlocked.Increment(ref running); return never.Task; }, new FakeTimeProvider());
        using var patience = new CancellationTokenSource();
        Task[] asked = [.. Enumerable.Range(0, 3 * NameLookups.AtOnceMax).Select(i => lookups.FindAsync($"{i % (2 * NameLookups.AtOnceMax)}.example", patience.Token))];
        Assert.Equal(NameLookups.AtOnceMax, running);

        await patience.CancelAsync();
        foreach (Task one in asked) await Assert.ThrowsAnyAsync<OperationCanceledException>(() => one);
        _ = lookups.FindAsync("0.example", CancellationToken.None);
        Assert.Equal(NameLookups.AtOnceMax, running);
    }

    [Fact]
    public async Task A_name_that_took_long_is_left_alone_for_a_while_and_a_quick_one_is_looked_up_each_time()
    {
        var time = new FakeTimeProvider();
        int count = 0;
        TimeSpan takes = TimeSpan.Zero;
        var lookups = new NameLookups(_ => { count++; time.Advance(takes); throw new SocketException((int)SocketError.TryAgain); }, time);
        for (int i = 0; i < 2; i++) await Assert.ThrowsAsync<SocketException>(() => lookups.FindAsync("a.example", CancellationToken.None));
        Assert.Equal(2, count);

        takes = NameLookups.SlowAfter;
        for (int i = 0; i < 3; i++) await Assert.ThrowsAsync<SocketException>(() => lookups.FindAsync("A.example", CancellationToken.None));
        Assert.Equal(3, count);
        time.Advance(NameLookups.SlowFor);
        await Assert.ThrowsAsync<SocketException>(() => lookups.FindAsync("a.example", CancellationToken.None));
        Assert.Equal(4, count);
    }

    [Fact]
    public async Task The_systems_lookups_find_this_machine() =>
        Assert.Contains(await NameLookups.OfSystem.FindAsync("localhost", CancellationToken.None), IPAddress.IsLoopback);
}
