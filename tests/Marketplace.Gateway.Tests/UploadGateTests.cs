using Marketplace.Domain;
using Marketplace.Gateway.Objects;

namespace Marketplace.Gateway.Tests;

public sealed class UploadGateTests
{
    private static readonly Address s_one = Address.Parse("0x00000000000000000000000000000000000000a1");
    private static readonly Address s_other = Address.Parse("0x00000000000000000000000000000000000000a2");

    [Fact]
    public async Task One_of_a_client_passes_at_a_time_and_others_beside_it()
    {
        var gate = new UploadGate();
        IDisposable first = (await gate.EnterAsync(s_one, default))!;
        Task<IDisposable?> second = gate.EnterAsync(s_one, default);
        Assert.False(second.IsCompleted);
        Assert.NotNull(await gate.EnterAsync(s_other, default));
        first.Dispose();
        first.Dispose();
        Assert.NotNull(await second);
    }

    [Fact]
    public async Task Who_would_wait_behind_too_many_is_turned_away_at_once()
    {
        var gate = new UploadGate(perClientMax: 2);
        IDisposable first = (await gate.EnterAsync(s_one, default))!;
        Task<IDisposable?> waiting = gate.EnterAsync(s_one, default);
        Assert.Null(await gate.EnterAsync(s_one, default));
        Assert.NotNull(await gate.EnterAsync(s_other, default));
        first.Dispose();
        using IDisposable? second = await waiting;
        Assert.False(gate.EnterAsync(s_one, default).IsCompleted);
    }

    [Fact]
    public async Task Lines_that_wait_take_the_place_of_nobody_else()
    {
        var gate = new UploadGate();
        Address[] greedy = [.. Enumerable.Range(1, UploadGate.RunningMax - 1).Select(i => Address.Parse($"0x{i:x40}"))];
        foreach (Address client in greedy)
        {
            Assert.NotNull(await gate.EnterAsync(client, default));
            for (int i = 1; i < UploadGate.PerClientMax; i++) Assert.False(gate.EnterAsync(client, default).IsCompleted);
        }

        Assert.NotNull(await gate.EnterAsync(s_other, default));
    }

    [Fact]
    public async Task Who_finds_too_many_running_is_turned_away_and_leaves_its_place_in_line()
    {
        var gate = new UploadGate(perClientMax: 1, runningMax: 1);
        IDisposable first = (await gate.EnterAsync(s_one, default))!;
        Assert.Null(await gate.EnterAsync(s_other, default));
        Assert.Null(await gate.EnterAsync(s_other, default));
        first.Dispose();
        Assert.NotNull(await gate.EnterAsync(s_other, default));
    }

    [Fact]
    public async Task Who_stops_waiting_leaves_its_place()
    {
        var gate = new UploadGate(perClientMax: 2);
        using IDisposable? first = await gate.EnterAsync(s_one, default);
        using var stop = new CancellationTokenSource();
        Task<IDisposable?> waiting = gate.EnterAsync(s_one, stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        Task<IDisposable?> next = gate.EnterAsync(s_one, default);
        Assert.False(next.IsCompleted);
        first!.Dispose();
        Assert.NotNull(await next);
    }
}
