using Marketplace.Chain;
using Marketplace.Client.Catalogues;
using Marketplace.Client.Json;
using Marketplace.Client.Keys;
using Marketplace.Client.Restoring;
using Marketplace.Client.Sessions;
using Marketplace.Client.Sources;
using Marketplace.Client.Tests.Catalogues;
using Marketplace.Client.Uploads;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Network;
using Marketplace.Node;
using Marketplace.Testing;

namespace Marketplace.Client.Tests.Sessions;

[Collection(RunningMarketCollection.Name)]
public sealed class StoringTests(RunningMarket market) : IDisposable
{
    private static readonly PutTerms s_terms = new(Redundancy.Default, TimeSpan.FromHours(1));

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory(Timeout = Patience.TestMilliseconds)]
    [InlineData("1/3")]
    [InlineData("2/4")]
    [InlineData("3/5")]
    public async Task Files_of_every_boundary_size_come_back_to_a_client_that_has_only_words(string redundancy)
    {
        string name = "sizes-" + redundancy.Replace('/', '-');
        int[] sizes = [0, 1, 255, 256, 257, 16_383, 16_384, 16_385, 262_143, 262_144, 262_145, 1_048_576, 3_000_001, (int)DirectFile.BytesMin - 1, (int)DirectFile.BytesMin, 5_000_001];
        foreach (int size in sizes) WriteRandom($"{name}/{size}", size);
        File.CreateSymbolicLink(_folder[$"{name}/link"], "256");
        Directory.CreateDirectory(_folder[$"{name}/empty"]);

        StorageClient client = await market.OpenAsync(market.ClientAccount, home: _folder["home"]);
        PutReport put = await client.PutAsync(SourceTree.Walk([_folder[name]], null), s_terms with { Redundancy = Redundancy.Parse(redundancy) });
        Assert.Null(put.Error);
        Assert.Equal(0, put.Deals[0].Slots.Failed);
        Assert.Equal(sizes.Length, put.Objects[0].Files);

        StorageClient another = await market.OpenAsync(market.ClientAccount);
        GetReport get = await another.GetAsync(name, _folder["back"], force: false);
        Assert.Empty(get.Faults);
        foreach (int size in sizes) Assert.Equal(File.ReadAllBytes(_folder[$"{name}/{size}"]), File.ReadAllBytes(_folder[$"back/{size}"]));
        Assert.Equal("256", new FileInfo(_folder["back/link"]).LinkTarget);
        Assert.True(Directory.Exists(_folder["back/empty"]));

        StatReport stat = await another.StatAsync(name);
        Assert.All(stat.Deals[0].Slots, slot => Assert.NotNull(slot.Root));
        VerifyReport verify = await another.VerifyAsync(name, deep: true);
        Assert.True(verify.Ok);
        Assert.Null(verify.Error);
        Assert.Null((await another.ListAsync("", recursive: true)).Error);
        if (redundancy == "1/3") Assert.Single(verify.Deals[0].Slots.Select(slot => slot.RootReported).Distinct());
    }

    [Fact(Timeout = Patience.TestMilliseconds)]
    public async Task A_manifest_that_names_bytes_past_the_end_of_another_deal_gets_one_clear_error()
    {
        WriteRandom("short", 1000);
        StorageClient client = await market.OpenAsync(market.ClientAccount);
        PutReport put = await client.PutAsync(SourceTree.Walk([_folder["short"]], null), s_terms);
        Manifest liar = Bundles.Read(Bundles.Write(writer => writer.AddStored(
            EntryName.Parse("far"), new EntryAttributes(1, Bundles.Time), 100, [new ChunkRef(put.Deals[0].Id, 1 << 30, 116, 100, ChunkEncoding.Raw)], 0)));
        var file = new CatalogueEntry(put.Deals[0].Id, liar, liar.Entries.Single());
        MarketException failure = await Assert.ThrowsAsync<MarketException>(async () => await client.CopyAsync(await client.LoadAsync(), file, 0, 100, Stream.Null));
        Assert.Equal(MarketErrorCode.WrongBytes, failure.Code);
        Assert.Equal(BundleFault.Malformed, Assert.IsType<BundleFormatException>(failure.InnerException).Fault);
    }

    [Fact(Timeout = Patience.TestMilliseconds)]
    public async Task A_range_of_a_file_is_streamed_in_order()
    {
        byte[] content = WriteRandom("ranged", 9_000_000);
        StorageClient client = await market.OpenAsync(market.ClientAccount);
        await client.PutAsync(SourceTree.Walk([_folder["ranged"]], null), s_terms);
        foreach ((int from, int to) in new[] { (0, 0), (255, 256), (1_234_567, 7_654_321), (8_999_999, 8_999_999) })
        {
            using var back = new MemoryStream();
            await client.GetAsync("ranged", (from, to), back);
            Assert.Equal(content[from..(to + 1)], back.ToArray());
        }

        MarketException beyond = await Assert.ThrowsAsync<MarketException>(() => client.GetAsync("ranged", (0, 9_000_000), Stream.Null));
        Assert.Equal(MarketErrorCode.Usage, beyond.Code);
    }

    [Fact(Timeout = Patience.TestMilliseconds)]
    public async Task A_new_version_replaces_the_old_and_what_is_removed_is_not_found()
    {
        StorageClient client = await market.OpenAsync(market.ClientAccount, home: _folder["home"]);
        WriteRandom("versioned/old", 10);
        await client.PutAsync(SourceTree.Walk([_folder["versioned"]], null), s_terms);
        File.Delete(_folder["versioned/old"]);
        byte[] content = WriteRandom("versioned/new", 20);
        PutReport second = await client.PutAsync(SourceTree.Walk([_folder["versioned"]], null), s_terms);
        Assert.Equal(2, second.Objects[0].Version);
        await client.GetAsync("versioned", _folder["back"], force: false);
        Assert.Equal([_folder["back/new"]], Directory.EnumerateFileSystemEntries(_folder["back"]));
        Assert.Equal(content, File.ReadAllBytes(_folder["back/new"]));

        RemoveReport removed = await client.RemoveAsync("versioned");
        Assert.Equal(1, removed.Files);
        MarketException gone = await Assert.ThrowsAsync<MarketException>(() => client.GetAsync("versioned", _folder["gone"], force: false));
        Assert.Equal(MarketErrorCode.NotFound, gone.Code);
        Assert.False(Path.Exists(_folder["gone"]));
    }

    [Fact(Timeout = Patience.TestMilliseconds)]
    public async Task A_short_deal_is_opened_though_periods_pass_while_its_bytes_are_sent()
    {
        byte[] content = WriteRandom("brief", 100_000);
        StorageClient client = await market.OpenAsync(market.ClientAccount);
        uint periodBlocks = await market.ContractsOf(market.ClientAccount).StorageMarket.PeriodBlocksAsync();
        bool isPassed = false;
        var slow = new Watching(told =>
        {
            if (told.Stage != ClientStage.Sending || isPassed) return;
            isPassed = true;
            market.Chain.MineAsync(2 * periodBlocks).GetAwaiter().GetResult();
        });

        PutReport put = await client.PutAsync(SourceTree.Walk([_folder["brief"]], null), s_terms with { For = TimeSpan.FromSeconds(1) }, slow);

        Assert.True(isPassed);
        Assert.Null(put.Error);
        await client.GetAsync("brief", _folder["back"], force: false);
        Assert.Equal(content, File.ReadAllBytes(_folder["back"]));
    }

    [Fact(Timeout = Patience.TestMilliseconds)]
    public async Task Without_money_nothing_is_sent_and_what_is_missing_is_told()
    {
        WriteRandom("unpaid", 100_000);
        StorageClient poor = await market.OpenAsync(market.PoorAccount, Bundles.Keys(seed: 9));
        MarketException refused = await Assert.ThrowsAsync<MarketException>(() => poor.PutAsync(SourceTree.Walk([_folder["unpaid"]], null), s_terms));
        Assert.Equal(MarketErrorCode.InsufficientFunds, refused.Code);
        Assert.True(refused.Missing > TokenAmount.Zero);
        Assert.Empty((await poor.DealsAsync()).Deals);
    }

    [Theory(Timeout = Patience.TestMilliseconds)]
    [InlineData(1, 5)]
    [InlineData(6, 6)]
    public async Task A_node_that_takes_bytes_much_more_slowly_than_the_others_is_left_behind_but_not_all_because_the_line_is_slow(int slow, int filled)
    {
        byte[] content = WriteRandom("slowly", 96_000_000);
        StorageClient client = await market.OpenAsync(market.ClientAccount, options: new MarketSessionOptions { Time = new FastClock(), Nodes = new NodeClientOptions { FlushTimeout = TimeSpan.FromHours(1) } });
        PutReport put;
        try
        {
            foreach (RunningNode node in market.Nodes.Take(slow)) node.Pace(slow == 1 ? 512 << 10 : 4 << 20);
            put = await client.PutAsync(SourceTree.Walk([_folder["slowly"]], null), s_terms with { Redundancy = new Redundancy(4, 6) });
        }
        finally
        {
            foreach (RunningNode node in market.Nodes) node.Pace(null);
        }

        Assert.Equal((6, filled), (put.Deals[0].Slots.Wanted, put.Deals[0].Slots.Filled));
        if (filled < 6) Assert.Contains($"node {market.Nodes[0].Id}: it takes the bytes much more slowly than the others", put.Error?.Message, StringComparison.Ordinal);
        await client.GetAsync("slowly", _folder["back"], force: false);
        Assert.Equal(content, File.ReadAllBytes(_folder["back"]));
    }

    [Fact(Timeout = Patience.TestMilliseconds)]
    public async Task A_spare_node_that_takes_bytes_too_slowly_is_left_behind_too()
    {
        var terms = s_terms with { Redundancy = new Redundancy(1, 5) };
        byte[] content = WriteRandom("spare", 24_000_000);
        WriteRandom("tiny", 1000);
        StorageClient client = await market.OpenAsync(market.ClientAccount, options: new MarketSessionOptions { Time = new FastClock(), Nodes = new NodeClientOptions { FlushTimeout = TimeSpan.FromHours(1) } });
        await client.PutAsync(SourceTree.Walk([_folder["tiny"]], null), terms);
        NodeId[] chosen = [.. (await client.StatAsync("tiny")).Deals[0].Slots.Select(slot => slot.Node!.Value)];
        RunningNode[] slow = [market.NodeOf(chosen[0]), market.Nodes.Single(node => !chosen.Contains(node.Id))];
        PutReport put;
        try
        {
            foreach (RunningNode node in slow) node.Pace(512 << 10);
            put = await client.PutAsync(SourceTree.Walk([_folder["spare"]], null), terms);
        }
        finally
        {
            foreach (RunningNode node in slow) node.Pace(null);
        }

        Assert.Equal((5, 4), (put.Deals[0].Slots.Wanted, put.Deals[0].Slots.Filled));
        Assert.All(slow, node => Assert.Contains($"node {node.Id}: it takes the bytes much more slowly than the others", put.Error?.Message, StringComparison.Ordinal));
        await client.GetAsync("spare", _folder["back"], force: false);
        Assert.Equal(content, File.ReadAllBytes(_folder["back"]));
    }

    [Fact(Timeout = Patience.TestMilliseconds)]
    public async Task With_k_nodes_an_object_reads_and_with_one_fewer_nothing_is_left_behind()
    {
        byte[] content = WriteRandom("lossy", 1_500_000);
        StorageClient client = await market.OpenAsync(market.ClientAccount, home: _folder["home"]);
        PutReport put = await client.PutAsync(SourceTree.Walk([_folder["lossy"]], null), s_terms with { Redundancy = new Redundancy(2, 4) });
        NodeId[] holders = [.. (await client.StatAsync("lossy")).Deals[0].Slots.Select(slot => slot.Node!.Value)];
        try
        {
            foreach (NodeId node in holders[2..]) market.NodeOf(node).Die();
            GetReport get = await client.GetAsync("lossy", _folder["back"], force: false);
            Assert.Equal(content, File.ReadAllBytes(_folder["back"]));
            Assert.All(get.Faults, fault => Assert.Contains(fault.Node, holders[2..]));

            StorageClient other = await market.OpenAsync(market.ClientAccount);
            VerifyReport fewer = await other.VerifyAsync("lossy", deep: false);
            Assert.True(fewer is { Ok: false, Readable: true, Error: { Code: "incomplete", Message: "2 of 4 slots are not right." } });

            market.NodeOf(holders[0]).Die();
            ListReport listed = await (await market.OpenAsync(market.ClientAccount)).ListAsync("", recursive: true);
            Assert.Contains(put.Deals[0].Id, listed.UnreadDeals);
            Assert.Equal("incomplete", listed.Error?.Code);
            MarketException failure = await Assert.ThrowsAsync<MarketException>(() => client.GetAsync("lossy", _folder["partial"], force: false));
            Assert.Equal(MarketErrorCode.Incomplete, failure.Code);
            Assert.DoesNotContain(Directory.EnumerateFileSystemEntries(_folder.Root), path => path.Contains("part", StringComparison.Ordinal));
        }
        finally
        {
            foreach (NodeId node in holders) market.NodeOf(node).Rise();
        }
    }

    [Theory(Timeout = Patience.TestMilliseconds)]
    [InlineData("1/3")]
    [InlineData("2/4")]
    public async Task A_flipped_bit_is_noticed_named_and_routed_around(string redundancy)
    {
        string name = "flipped-" + redundancy.Replace('/', '-');
        byte[] content = WriteRandom(name, 700_001);
        StorageClient client = await market.OpenAsync(market.ClientAccount);
        await client.PutAsync(SourceTree.Walk([_folder[name]], null), s_terms with { Redundancy = Redundancy.Parse(redundancy) });
        SlotReport[] slots = [.. (await client.StatAsync(name)).Deals[0].Slots];
        NodeId bad = slots[0].Node!.Value;
        market.NodeOf(bad).FlipABit(slots[0].ShardBytes!.Value);

        VerifyReport verify = await client.VerifyAsync(name, deep: true);
        Assert.False(verify.Ok);
        Assert.True(verify.Readable);
        Assert.Equal(("wrongBytes", $"1 of {slots.Length} slots is not right, and wrong at node {bad}."), (verify.Error?.Code, verify.Error?.Message));
        Assert.Equal([bad], verify.Deals[0].Slots.Where(slot => slot.State is not SlotVerdict.Ok).Select(slot => slot.Node!.Value));

        // Every reader meets the bad node sooner or later, and never gives out its bytes.
        for (int i = 0; i < 5; i++)
        {
            StorageClient reader = await market.OpenAsync(market.ClientAccount);
            GetReport get = await reader.GetAsync(name, _folder[$"back-{i}"], force: false);
            Assert.Equal(content, File.ReadAllBytes(_folder[$"back-{i}"]));
            Assert.All(get.Faults, fault => Assert.Equal(new NodeFault(bad, FaultReason.WrongBytes), fault));
        }
    }

    [Fact(Timeout = Patience.TestMilliseconds)]
    public async Task A_node_that_dies_midway_is_replaced_and_every_slot_is_filled()
    {
        StorageClient client = await market.OpenAsync(market.ClientAccount);
        byte[] content = new byte[6_000_000];
        new Random(5).NextBytes(content);
        RunningNode victim = market.Nodes[0];
        using var source = new TellingStream(content, 2_000_000, victim.Die);
        try
        {
            PutReport put = await client.PutAsync(
                [SourceObject.FromStream("survivor", source, content.Length, mayBeShorter: false, Bundles.Time)], s_terms with { Redundancy = new Redundancy(2, 5) });
            Assert.Equal(new SlotCounts(5, 5, 0), put.Deals[0].Slots);
            Assert.DoesNotContain((await client.StatAsync("survivor")).Deals[0].Slots, slot => slot.Node == victim.Id);
            using var back = new MemoryStream();
            await client.GetAsync("survivor", null, back);
            Assert.Equal(content, back.ToArray());
        }
        finally
        {
            victim.Rise();
        }
    }

    [Fact(Timeout = Patience.TestMilliseconds)]
    public async Task A_spare_that_takes_its_shard_too_slowly_costs_its_slot_and_not_the_put()
    {
        Assert.True(DealOpening.RefillingMax <= new NodeLimits().UploadLife / 2);
        StorageClient client = await market.OpenAsync(market.ClientAccount, options: new MarketSessionOptions { Time = new ShortWaits() });
        byte[] content = new byte[6_000_000];
        new Random(7).NextBytes(content);
        RunningNode victim = market.Nodes[0];
        using var source = new TellingStream(content, 2_000_000, victim.Die);
        var pace = new Watching(told =>
        {
            foreach (RunningNode node in market.Nodes) node.Pace(told.Stage is ClientStage.Refilling ? 64 << 10 : null);
        });
        try
        {
            PutReport put = await client.PutAsync(
                [SourceObject.FromStream("in time", source, content.Length, mayBeShorter: false, Bundles.Time)], s_terms with { Redundancy = new Redundancy(2, 5) }, pace);
            Assert.Equal(new SlotCounts(5, 4, 1), put.Deals[0].Slots);
            Assert.Contains("was not filled again within 30 minutes", put.Error?.Message, StringComparison.Ordinal);
            using var back = new MemoryStream();
            await client.GetAsync("in time", null, back);
            Assert.Equal(content, back.ToArray());
        }
        finally
        {
            victim.Rise();
            foreach (RunningNode node in market.Nodes) node.Pace(null);
        }
    }

    [Fact(Timeout = Patience.TestMilliseconds)]
    public async Task What_is_given_up_midway_leaves_nothing_on_nodes_on_chain_or_here()
    {
        StorageClient client = await market.OpenAsync(market.ClientAccount);
        byte[] content = new byte[12_000_000];
        new Random(6).NextBytes(content);
        int shards = ShardFiles();
        int deals = (await client.DealsAsync()).Deals.Count;
        using (var giveUp = new CancellationTokenSource())
        {
            using var source = new TellingStream(content, 5_000_000, giveUp.Cancel);
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.PutAsync(
                [SourceObject.FromStream("given up", source, content.Length, mayBeShorter: false, Bundles.Time)], s_terms, null, giveUp.Token));
        }

        for (int i = 0; ShardFiles() > shards && i < 100; i++) await Task.Delay(100);
        Assert.Equal(shards, ShardFiles());
        Assert.Equal(deals, (await client.DealsAsync()).Deals.Count);

        File.WriteAllBytes(_folder["whole"], content);
        await client.PutAsync(SourceTree.Walk([_folder["whole"]], null), s_terms);
        using (var giveUp = new CancellationTokenSource())
        {
            var progress = new Watching(done =>
            {
                if (done.Done > 3_000_000) giveUp.Cancel();
            });
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.GetAsync("whole", _folder["half"], force: false, progress, giveUp.Token));
        }

        Assert.Equal([_folder["whole"]], Directory.EnumerateFileSystemEntries(_folder.Root));
        await client.GetAsync("whole", _folder["back"], force: false);
        Assert.Equal(content, File.ReadAllBytes(_folder["back"]));
    }

    [Fact(Timeout = Patience.TestMilliseconds)]
    public async Task What_an_operator_stores_the_client_opens_and_extends()
    {
        MarketContracts contracts = market.ContractsOf(market.ClientAccount);
        uint period = (uint)((await contracts.Web3.Eth.GetBlockNumberAsync()) / 20);
        await contracts.Escrow.AllowAsync(market.OperatorAccount.Address, 1_000_000_000_000, period + 1000, 0, 0, 0);
        byte[] seed = new byte[MasterKey.SeedBytes];
        using MasterKey gatewayMaster = MasterKey.FromSeed(seed);
        using RecipientKeyPair gatewayPair = gatewayMaster.CreateRecipientKeyPair();
        byte[] clientSeed = [.. Enumerable.Range(0, MasterKey.SeedBytes).Select(i => (byte)i)];
        using MasterKey clientMaster = MasterKey.FromSeed(clientSeed);
        using RecipientKeyPair clientPair = clientMaster.CreateRecipientKeyPair();
        StorageClient gateway = await market.OpenAsync(
            market.OperatorAccount, new SharedKeys(gatewayPair, clientPair.PublicKey), client: market.ClientAccount.Address);

        byte[] content = [1, 2, 3];
        using var body = new MemoryStream(content);
        ulong last = await contracts.Lens.LastNumberAsync(market.ClientAccount.Address);
        PutReport put = await gateway.PutAsync([SourceObject.FromStream("through/gateway", body, 1000, mayBeShorter: true, Bundles.Time)], s_terms);
        // Not the number that the client takes itself, nor one far away: all between are read by everybody.
        Assert.InRange(put.Deals[0].Id, last + 2, last + 9);
        Assert.Equal(["through/gateway"], (await gateway.ListAsync("", recursive: true)).Objects.Select(one => one.Name));

        StorageClient client = await market.OpenAsync(market.ClientAccount);
        using var back = new MemoryStream();
        await client.GetAsync("through/gateway", null, back);
        Assert.Equal(content, back.ToArray());

        CatalogueView before = await client.LoadAsync();
        CatalogueEntry entry = before.Catalogue.Find("through/gateway")!;
        ExtendReport extended = await client.ExtendAsync("through/gateway", TimeSpan.FromHours(2));
        Assert.Equal(before.Deals[entry.Deal].End + 360, extended.Deals.Single().EndsAtPeriod);
    }

    [Fact(Timeout = Patience.TestMilliseconds)]
    public async Task A_node_that_asks_a_price_beyond_all_rates_is_left_out_and_others_are_planned_with()
    {
        MarketContracts contracts = market.ContractsOf(market.ClientAccount);
        await contracts.NodeRegistry.RegisterAsync(
            market.ClientAccount.Address, 100 * TokenAmount.UnitsPerToken, ulong.MaxValue, uint.MaxValue, new Hash32([.. Enumerable.Repeat((byte)1, Hash32.SizeBytes)]), "https://127.0.0.1:1");
        StorageClient client = await market.OpenAsync(market.ClientAccount);
        using var never = new MemoryStream();
        PutReport quote = await client.QuoteAsync([SourceObject.FromStream("dear", never, 64 << 20, mayBeShorter: false, Bundles.Time)], s_terms);
        Assert.True(quote.Price > TokenAmount.Zero && quote.Price < TokenAmount.Parse("10"), $"{quote.Price}");
    }

    [Fact(Timeout = Patience.TestMilliseconds)]
    public async Task Other_words_are_told_from_no_files()
    {
        WriteRandom("mine", 10);
        await (await market.OpenAsync(market.ClientAccount)).PutAsync(SourceTree.Walk([_folder["mine"]], null), s_terms);
        StorageClient other = await market.OpenAsync(market.ClientAccount, Bundles.Keys(seed: 1));
        MarketException failure = await Assert.ThrowsAsync<MarketException>(() => other.ListAsync("", recursive: false));
        Assert.Contains("words", failure.Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = Patience.TestMilliseconds)]
    public async Task Two_puts_at_once_take_two_numbers()
    {
        WriteRandom("one", 300_000);
        WriteRandom("two", 300_000);
        StorageClient client = await market.OpenAsync(market.ClientAccount);
        PutReport[] puts = await Task.WhenAll(
            client.PutAsync(SourceTree.Walk([_folder["one"]], null), s_terms), client.PutAsync(SourceTree.Walk([_folder["two"]], null), s_terms));
        Assert.NotEqual(puts[0].Deals[0].Id, puts[1].Deals[0].Id);
        Assert.Empty((await client.LoadAsync()).Unread.Select(deal => deal.Failure.ToString()));
        Assert.Equal(2, (await client.ListAsync("", recursive: true)).Objects.Count(one => one.Name is "one" or "two"));
    }

    private int ShardFiles() =>
        market.Nodes.Sum(node => Directory.GetFiles(node.DataDir, "*.shard", SearchOption.AllDirectories).Length);

    private byte[] WriteRandom(string name, int bytes)
    {
        byte[] content = new byte[bytes];
        new Random(bytes).NextBytes(content);
        string path = _folder[name];
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, content);
        return content;
    }

    private sealed class Watching(Action<ClientProgress> told) : IProgress<ClientProgress>
    {
        public void Report(ClientProgress value) => told(value);
    }

    /// <summary>Gives its bytes and tells when a place was passed.</summary>
    private sealed class TellingStream(byte[] content, int place, Action tell) : MemoryStream(content)
    {
        private bool _told;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (!_told && Position >= place)
            {
                _told = true;
                tell();
            }

            return base.ReadAsync(buffer, cancellationToken);
        }
    }

    /// <summary>What is given twenty minutes or more has a second or two.</summary>
    private sealed class ShortWaits : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, dueTime > TimeSpan.FromMinutes(20) ? dueTime / 1200 : dueTime, period);
    }
}
