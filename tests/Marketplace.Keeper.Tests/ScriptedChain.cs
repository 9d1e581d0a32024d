using System.Buffers.Binary;
using System.Threading.Channels;
using Marketplace.Domain;
using Marketplace.Keeper.Indexing;

namespace Marketplace.Keeper.Tests;

/// <summary>A chain whose steps the test writes. Block hashes tell the branch, so that forks differ.</summary>
internal sealed class ScriptedChain : IChainFeed
{
    private readonly Channel<ChainStep> _steps = Channel.CreateUnbounded<ChainStep>();

    public static Schedule Clock { get; } = new(PeriodBlocks: 20, SeedDelayBlocks: 2, BlockSeconds: 1);

    public static Address Payer { get; } = Address.Parse("0x00000000000000000000000000000000000c11e7");

    public static DateTimeOffset TimeOf(ulong block) => new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero).AddSeconds(block);

    public static Hash32 HashOf(ulong block, int branch = 0)
    {
        Span<byte> bytes = stackalloc byte[12];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, block);
        BinaryPrimitives.WriteInt32BigEndian(bytes[8..], branch);
        return Hash32.Keccak(bytes);
    }

    public static ChainStep Step(ulong head, params (ulong Block, MarketEvent[] Events)[] blocks) => Fork(null, head, 0, blocks);

    public static ChainStep Fork(ulong? revertTo, ulong head, int branch, params (ulong Block, MarketEvent[] Events)[] blocks) => new(
        revertTo is { } ancestor ? new BlockNumber(ancestor + 1) : null,
        [.. blocks.Select(block => new EventBlock(new BlockNumber(block.Block), block.Events))],
        $"{head}/{branch}",
        new BlockNumber(head),
        HashOf(head, branch),
        TimeOf(head),
        new BlockNumber(head));

    public static NodeRegistered Registered(uint node, string price = "0.01", string endpoint = "https://127.0.0.1:1", Address? hot = null, Hash32 fingerprint = default) => new(
        new NodeId(node), AddressOf(node), hot ?? AddressOf(node + 1000), 100 * TokenAmount.UnitsPerToken, (ulong)TokenAmount.Parse(price).Units, 1024, fingerprint, endpoint);

    public static DealOpened Opened(ulong number, uint from = 1, uint end = 11, ulong rate = 1000, ulong leaves = 4) => new(
        new DealId(Payer, number), 1, 3, Rate.FromUnitsUp(rate), leaves, new PeriodNumber(from), new PeriodNumber(end), new PeriodNumber(end + 100), 3 * rate * (end - from));

    public static SlotFilled Filled(ulong number, int slot, uint node, uint from = 1) =>
        new(new DealId(Payer, number), slot, new NodeId(node), RootOf(number), new PeriodNumber(from));

    public static PeriodProved Proved(uint node, uint period, ulong paid = 1000) => new(new NodeId(node), new PeriodNumber(period), paid);

    public static Root RootOf(ulong number) => new(HashOf(number).ToArray().AsSpan(0, Root.SizeBytes));

    public static Address AddressOf(uint number)
    {
        Span<byte> bytes = stackalloc byte[Address.SizeBytes];
        bytes.Clear();
        BinaryPrimitives.WriteUInt32BigEndian(bytes[16..], number);
        return new Address(bytes);
    }

    public void Send(ChainStep step) => _steps.Writer.TryWrite(step);

    public async Task<ChainStep?> PullAsync(string? position, CancellationToken token) => await _steps.Reader.ReadAsync(token);
}

/// <summary>A folder of one test, gone with it.</summary>
internal sealed class TestFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("market-keeper-").FullName;

    public string Database => System.IO.Path.Combine(Path, "keeper.db");

    public KeeperStore OpenStore(string scope = "test") => new(Database, scope);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
