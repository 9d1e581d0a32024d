using System.Numerics;
using CsCheck;
using Marketplace.Chain.Contracts;
using Marketplace.Chain.Eth;
using Marketplace.Chain.Following;
using Marketplace.Chain.Rpc;
using Marketplace.Chain.Tests.Peer;
using Marketplace.Domain;
using Marketplace.Testing;

namespace Marketplace.Chain.Tests;

/// <summary>A real chain whose blocks are thrown away and made anew, and a follower whose projection must always be what the chain says.</summary>
public sealed class LogFollowerTests(MarketChain market) : IClassFixture<MarketChain>, IAsyncLifetime
{
    private static readonly Address s_receiver = Address.Parse("0x00000000000000000000000000000000000000cc");

    private readonly LocalChain _chain = market.Chain;
    private readonly MarketContracts _contracts = market.Connect(0);

    /// <summary>Each test looks only at blocks after its start; a chain that tests reorganise belongs to this class alone.</summary>
    private ulong _start;

    public async Task InitializeAsync() => _start = await _contracts.Web3.Eth.GetBlockNumberAsync() + 1;

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task Logs_come_once_in_order_with_their_blocks()
    {
        for (int i = 1; i <= 3; i++) await TransferAsync(i);
        Projection projection = new(_start);

        await projection.PullAsync(Follower());

        Assert.Equal([1, 2, 3], projection.Amounts);
        ChainChanges none = await Follower().NextAsync(projection.Cursor);
        Assert.True(none is { IsEmpty: true, IsAtHead: true });
        await _chain.MineAsync(5);
        ChainChanges empty = await Follower().NextAsync(projection.Cursor);
        Assert.Empty(empty.Applied);
        Assert.Equal(empty.Head.Number + 1, empty.Cursor.NextBlock);
        Assert.All(projection.Blocks, static block => Assert.NotEqual(0UL, block.UnixSeconds));
    }

    [Fact]
    public async Task A_reorganisation_takes_back_what_it_replaced_and_brings_what_is_new()
    {
        await TransferAsync(1);
        Projection projection = new(_start);
        string snapshot = await _chain.SnapshotAsync();
        ulong fork = await _contracts.Web3.Eth.GetBlockNumberAsync() + 1;
        await TransferAsync(2);
        await TransferAsync(3);
        await projection.PullAsync(Follower());
        Assert.Equal([1, 2, 3], projection.Amounts);

        await _chain.RevertAsync(snapshot);
        await ForkAsync();
        await TransferAsync(4);
        await TransferAsync(5);
        ChainChanges reverted = await Follower().NextAsync(projection.Cursor);

        Assert.Equal(fork, reverted.RevertedFrom);
        Assert.Equal([fork + 1, fork], reverted.Reverted.Select(static block => block.Number));
        Assert.Empty(reverted.Applied);
        Assert.Equal(fork, reverted.Cursor.NextBlock);
        await projection.PullAsync(Follower());
        Assert.Equal([1, 4, 5], projection.Amounts);
    }

    [Fact]
    public async Task An_endpoint_that_is_only_behind_takes_nothing_back()
    {
        await TransferAsync(1);
        string snapshot = await _chain.SnapshotAsync();
        await TransferAsync(2);
        Projection projection = new(_start);
        await projection.PullAsync(Follower());

        // Without new blocks a chain that lost some looks the same as an endpoint that has not heard of them.
        await _chain.RevertAsync(snapshot);
        ChainChanges changes = await Follower().NextAsync(projection.Cursor);

        Assert.True(changes is { IsEmpty: true, IsAtHead: true, RevertedFrom: null });
        Assert.Equal([1, 2], projection.Amounts);
    }

    [Fact]
    public async Task A_reorganisation_deeper_than_remembered_begins_anew()
    {
        FollowerOptions forgetful = new() { RememberedBlocks = 3 };
        await TransferAsync(1);
        string snapshot = await _chain.SnapshotAsync();
        for (int i = 2; i < 8; i++) await TransferAsync(i);
        Projection projection = new(_start);
        await projection.PullAsync(Follower(forgetful));

        await _chain.RevertAsync(snapshot);
        await ForkAsync();
        await _chain.MineAsync(10);
        ChainChanges changes = await Follower(forgetful).NextAsync(projection.Cursor);

        Assert.Equal(_start, changes.RevertedFrom);
        await projection.PullAsync(Follower(forgetful));
        Assert.Equal([1], projection.Amounts);
    }

    [Fact]
    public async Task Blocks_without_enough_confirmations_are_waited_for()
    {
        LogFollower follower = Follower(new FollowerOptions { Confirmations = 2 });
        await TransferAsync(1);
        await _chain.MineAsync();
        Projection projection = new(_start);
        await projection.PullAsync(follower);
        Assert.Empty(projection.Amounts);

        await _chain.MineAsync();
        await projection.PullAsync(follower);

        Assert.Equal([1], projection.Amounts);
    }

    [Fact]
    public async Task An_endpoint_that_gives_few_blocks_at_once_is_asked_for_fewer()
    {
        using LimitingEndpoint endpoint = new(_chain.Url) { LogBlocksMax = 7 };
        using Web3 web3 = new(null, RpcClient.Parse(endpoint.Url));
        for (int i = 1; i <= 4; i++)
        {
            await TransferAsync(i);
            await _chain.MineAsync(10);
        }

        Projection projection = new(_start);
        await projection.PullAsync(new LogFollower(web3.Eth, _contracts.Token.TransferEvents.Filter));

        Assert.Equal([1, 2, 3, 4], projection.Amounts);
    }

    /// <summary>Without a look at the last known block, the old transfers would stay for ever: the page does not touch them.</summary>
    [Fact]
    public async Task A_reorganisation_between_two_requests_of_one_look_is_not_missed()
    {
        using LimitingEndpoint endpoint = new(_chain.Url);
        using Web3 web3 = new(null, RpcClient.Parse(endpoint.Url));
        LogFollower follower = new(web3.Eth, _contracts.Token.TransferEvents.Filter, new FollowerOptions { RememberedBlocks = 3 });
        string snapshot = await _chain.SnapshotAsync();
        for (int i = 1; i <= 3; i++) await TransferAsync(i);
        Projection projection = new(_start);
        await projection.PullAsync(follower);
        await _chain.MineAsync(30);
        int batches = 0;
        endpoint.Before = async body =>
        {
            // The look at the newest and the last known block is over: now come the blocks of the page.
            if (!body.StartsWith('[') || ++batches != 1) return;
            await _chain.RevertAsync(snapshot);
            await ForkAsync();
            await TransferAsync(4);
            await _chain.MineAsync(40);
        };

        await projection.PullAsync(follower);

        Assert.True(batches > 1);
        Assert.Equal([4], projection.Amounts);
    }

    [Theory]
    [InlineData(2_000, 128)]
    [InlineData(2_000, 2_000)]
    [InlineData(7, 3)]
    [InlineData(1, 1)]
    public async Task Blocks_made_in_bulk_are_followed_and_taken_back_as_others(int pageBlocks, int remembered)
    {
        LogFollower follower = Follower(new FollowerOptions { PageBlocksMax = (ulong)pageBlocks, RememberedBlocks = remembered });
        Projection projection = new(_start);
        await TransferAsync(1);
        await _chain.MineInBulkAsync(50);
        await projection.PullAsync(follower);
        string snapshot = await _chain.SnapshotAsync();
        await TransferAsync(2);
        await _chain.MineInBulkAsync(40);
        await TransferAsync(3);
        await _chain.MineInBulkAsync(30);
        await projection.PullAsync(follower);
        Assert.Equal([1, 2, 3], projection.Amounts);

        await _chain.RevertAsync(snapshot);
        await ForkAsync();
        await _chain.MineInBulkAsync(60);
        await TransferAsync(4);
        await _chain.MineInBulkAsync(20);
        await projection.PullAsync(follower);

        Assert.Equal([1, 4], projection.Amounts);
    }

    [Fact]
    public async Task A_block_that_the_endpoint_has_not_got_yet_is_waited_for_and_nothing_is_skipped()
    {
        using LimitingEndpoint endpoint = new(_chain.Url);
        using Web3 web3 = new(null, RpcClient.Parse(endpoint.Url));
        LogFollower follower = new(web3.Eth, _contracts.Token.TransferEvents.Filter);
        for (int i = 1; i <= 3; i++) await TransferAsync(i);
        Projection projection = new(_start);
        endpoint.MissingBlock = _start + 1;

        ChainChanges changes = await projection.StepAsync(follower);

        Assert.True(changes is { IsEmpty: true, IsAtHead: false, RevertedFrom: null });
        endpoint.MissingBlock = null;
        await projection.PullAsync(follower);
        Assert.Equal([1, 2, 3], projection.Amounts);
    }

    [Fact]
    public async Task An_endpoint_that_breaks_off_in_the_middle_of_answers_loses_and_doubles_nothing()
    {
        Random random = new(7);
        using LimitingEndpoint endpoint = new(_chain.Url) { Breaks = () => random.Next(3) == 0 };
        using Web3 web3 = new(null, RpcClient.Parse(endpoint.Url, new RpcOptions { RoundsMax = 1 }));
        Projection projection = new(_start);
        LogFollower follower = new(web3.Eth, _contracts.Token.TransferEvents.Filter, new FollowerOptions { PageBlocksMax = 2, RememberedBlocks = 20 });
        int breaks = 0;
        List<int> expected = [];
        for (int round = 0; round < 5; round++)
        {
            string snapshot = await _chain.SnapshotAsync();
            for (int i = 0; i < 4; i++) await TransferAsync(1000 + i);
            await PullAsync();
            await _chain.RevertAsync(snapshot);
            await ForkAsync();
            for (int i = 0; i < 5; i++)
            {
                expected.Add(round * 10 + i);
                await TransferAsync(expected[^1]);
            }

            await PullAsync();
        }

        Assert.Equal(expected.Select(static amount => new BigInteger(amount)), projection.Amounts);
        Assert.True(breaks > 10, $"Only {breaks} answers were broken off.");

        async Task PullAsync()
        {
            for (int steps = 0; steps < Projection.StepsMax; steps++)
            {
                try
                {
                    if ((await projection.StepAsync(follower)).IsAtHead) return;
                }
                catch (RpcConnectionException)
                {
                    breaks++;
                }
            }

            Assert.Fail("The follower does not come to the newest block.");
        }
    }

    /// <summary>The consumer dies and comes back before every step: only the text of its cursor is left.</summary>
    [Fact]
    public async Task Whatever_the_chain_does_the_projection_is_what_the_chain_says()
    {
        await Gen.Select(Gen.Int[0, 5], Gen.Int[1, 6]).Array[30].SampleAsync(
            async steps =>
            {
                Projection projection = new(_start);
                FollowerOptions options = new() { PageBlocksMax = 4, RememberedBlocks = 12 };
                List<(string Id, ulong Block)> snapshots = [];
                foreach ((int action, int size) in steps)
                {
                    switch (action)
                    {
                        case 0 or 1:
                            for (int i = 0; i < size; i++) await TransferAsync(size * 10 + i);
                            break;
                        case 2:
                            await _chain.MineAsync((ulong)size);
                            break;
                        case 3:
                            snapshots.Add((await _chain.SnapshotAsync(), 0));
                            break;
                        case 4 when snapshots.Count > 0:
                            // Reverting to a snapshot uses it and all later ones up.
                            int chosen = size % snapshots.Count;
                            await _chain.RevertAsync(snapshots[chosen].Id);
                            snapshots.RemoveRange(chosen, snapshots.Count - chosen);
                            await ForkAsync();
                            break;
                        default:
                            // A look in the middle of things, not only when all is quiet.
                            await projection.StepAsync(Follower(options));
                            break;
                    }
                }

                // The new branch outgrows the old one, as it must before anybody can tell.
                while (await _contracts.Web3.Eth.GetBlockNumberAsync() < projection.Cursor.NextBlock) await _chain.MineAsync();
                await projection.PullAsync(Follower(options));

                ulong head = await _contracts.Web3.Eth.GetBlockNumberAsync();
                IReadOnlyList<EventLog<TransferEvent>> truth = await _contracts.Token.TransferEvents.GetAllChangesAsync(_start, head);
                Assert.Equal(truth.Select(static found => found.Event.Value), projection.Amounts);
            },
            iter: 12, threads: 1);
    }

    [Fact]
    public async Task Blocks_that_are_replaced_in_the_middle_of_a_look_leave_nothing_behind()
    {
        Projection projection = new(_start);
        FollowerOptions options = new() { PageBlocksMax = 3, RememberedBlocks = 20 };
        using CancellationTokenSource end = new();
        Task<int> looking = Task.Run(async () =>
        {
            int reverts = 0;
            while (!end.IsCancellationRequested) reverts += (await projection.StepAsync(Follower(options))).RevertedFrom is null ? 0 : 1;
            return reverts;
        });
        for (int round = 0; round < 40; round++)
        {
            string snapshot = await _chain.SnapshotAsync();
            for (int i = 0; i < 3; i++) await TransferAsync(round * 10 + i);
            if (round % 4 == 3) continue;
            await _chain.RevertAsync(snapshot);
            await ForkAsync();
            for (int i = 3; i < 7; i++) await TransferAsync(round * 10 + i);
        }

        await end.CancelAsync();
        int reverts = await looking;
        await projection.PullAsync(Follower(options));

        IReadOnlyList<EventLog<TransferEvent>> truth =
            await _contracts.Token.TransferEvents.GetAllChangesAsync(_start, await _contracts.Web3.Eth.GetBlockNumberAsync());
        Assert.Equal(truth.Select(static found => found.Event.Value), projection.Amounts);
        Assert.True(reverts > 5, $"Only {reverts} reorganisations were met.");
    }

    [Fact]
    public async Task Following_waits_for_blocks_and_ends_when_told()
    {
        using CancellationTokenSource end = new();
        List<BigInteger> seen = [];
        LogFollower follower = Follower(new FollowerOptions { PollInterval = TimeSpan.FromMilliseconds(20) });
        Task following = Task.Run(async () =>
        {
            await foreach (ChainChanges changes in follower.FollowAsync(ChainCursor.StartAt(_start), end.Token))
            {
                lock (seen) seen.AddRange(changes.Applied.SelectMany(static block => block.Logs).Select(static log => TransferEvent.Decode(log)!.Value));
            }
        });
        await TransferAsync(1);
        await TransferAsync(2);
        for (int i = 0; i < 500 && Seen() < 2; i++) await Task.Delay(20);

        await end.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => following);
        Assert.Equal([1, 2], seen);

        int Seen()
        {
            lock (seen) return seen.Count;
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("1")]
    [InlineData("2 0 0")]
    [InlineData("1 5 4")]
    [InlineData("1 0 5 7")]
    [InlineData("1 0 5 5:0x0000000000000000000000000000000000000000000000000000000000000001")]
    public void What_is_no_cursor_is_refused(string text) => Assert.False(ChainCursor.TryParse(text, null, out _));

    private LogFollower Follower(FollowerOptions? options = null) => new(_contracts.Web3.Eth, _contracts.Token.TransferEvents.Filter, options);

    private Task TransferAsync(int amount) => _contracts.Token.TransferAsync(s_receiver, amount);

    /// <summary>The next block differs from the one that stood there before, even if it holds the same.</summary>
    private async Task ForkAsync()
    {
        Block head = await _contracts.Web3.Eth.GetLatestBlockAsync();
        await _chain.CallAsync("evm_setNextBlockTimestamp", head.UnixSeconds + 1_000 + (ulong)Random.Shared.Next(1_000));
        await _chain.MineAsync();
    }

    /// <summary>A consumer: rows by block, and its cursor as text, as a database would keep them together.</summary>
    private sealed class Projection(ulong start)
    {
        /// <summary>More looks than any of these chains has blocks.</summary>
        public const int StepsMax = 2_000;

        private readonly SortedDictionary<ulong, AppliedBlock> _rows = [];
        private string _cursor = ChainCursor.StartAt(start).ToString();

        public ChainCursor Cursor => ChainCursor.Parse(_cursor);

        public IEnumerable<Block> Blocks => _rows.Values.Select(static row => row.Block);

        public IEnumerable<BigInteger> Amounts => _rows.Values.SelectMany(static row => row.Logs).Select(static log => TransferEvent.Decode(log)!.Value);

        public async Task<ChainChanges> StepAsync(LogFollower follower)
        {
            ChainChanges changes = await follower.NextAsync(Cursor);
            foreach (ulong number in _rows.Keys.Where(number => number >= (changes.RevertedFrom ?? ulong.MaxValue)).ToArray()) _rows.Remove(number);
            foreach (AppliedBlock block in changes.Applied) _rows.Add(block.Block.Number, block);
            _cursor = changes.Cursor.ToString();
            return changes;
        }

        /// <summary>To the newest block; a follower that turns in circles fails.</summary>
        public async Task PullAsync(LogFollower follower)
        {
            for (int steps = 0; steps < StepsMax; steps++)
            {
                if ((await StepAsync(follower)).IsAtHead) return;
            }

            Assert.Fail($"The follower does not come to the newest block: {_cursor}");
        }
    }
}
