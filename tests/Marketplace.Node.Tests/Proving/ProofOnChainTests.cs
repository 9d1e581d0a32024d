using System.Buffers;
using System.Numerics;
using Marketplace.Chain;
using Marketplace.Chain.Accounts;
using Marketplace.Chain.Contracts;
using Marketplace.Chain.Eth;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Testing;

namespace Marketplace.Node.Tests.Proving;

/// <summary>Proofs made by Marketplace.Coding, judged by the contract on a real chain.</summary>
public sealed class ProofOnChainTests : IAsyncLifetime
{
    private const uint PeriodBlocks = 20;
    private const int FlipsTried = 120;

    private readonly List<Shard> _shards = [];
    private LocalChain _chain = null!;
    private MarketContracts _market = null!;
    private Account _hot = null!;
    private uint _node;

    public async Task InitializeAsync()
    {
        _chain = await LocalChain.StartAsync();
        Deployment deployment = await _chain.DeployAsync();
        _market = new MarketContracts(_chain.Connect(0), deployment);
        _hot = _chain.GetAccount(1);
        BigInteger money = BigInteger.Pow(10, 18) * 1000;
        await _market.Token.ApproveAsync(_market.Escrow.Address, money);
        await _market.Escrow.DepositAsync(money);
        ulong stake = 100 * TokenAmount.UnitsPerToken;
        await _market.NodeRegistry.RegisterAsync(_hot.Address, stake, 1, 1024, Hash32.Keccak([1]), "https://127.0.0.1:1");
        _node = await _market.NodeRegistry.NodeCountAsync();
    }

    public async Task DisposeAsync() => await _chain.DisposeAsync();

    [Fact]
    public async Task A_proof_made_here_is_accepted_and_one_with_any_bit_changed_is_not()
    {
        // Shards of every depth, some of which are over and some not yet begun when the proof is due: void draws occur.
        await GoToPeriodStartAsync();
        ulong number = 0;
        foreach ((int leaves, ulong rate, uint periods) in ((int, ulong, uint)[])[(1, 40, 30), (2, 300, 2), (64, 25, 30), (65, 333, 30), (5000, 77, 30), (3, 900, 2)])
        {
            await OpenAsync(++number, leaves, rate, periods);
        }

        int voidDraws = 0;
        for (int period = 0; period < 4; period++)
        {
            await GoToPeriodStartAsync();
            await _chain.MineAsync(4);
            if (period == 2) await OpenAsync(++number, 9, 500, 30);
            Duty duty = await _market.Lens.DutyAsync(_node);
            (byte[] proof, IReadOnlyList<Draw> draws, ChallengeContext context, LedgerRange[] ranges) = await ProveAsync(duty);
            voidDraws += draws.Count(draw => !draw.IsLive);
            Assert.True(ChallengeProof.Verify(context, start => At(ranges, start), proof));

            var random = new Random(1000 + period);
            for (int i = 0; i < FlipsTried; i++)
            {
                byte[] changed = [.. proof];
                changed[random.Next(changed.Length)] ^= (byte)(1 << random.Next(8));
                Assert.False(ChallengeProof.Verify(context, start => At(ranges, start), changed));
                await Assert.ThrowsAsync<ContractRevertException>(() => TryAsync(duty.Period, changed));
            }

            await Assert.ThrowsAsync<ContractRevertException>(() => TryAsync(duty.Period, [.. proof, 0]));
            await Assert.ThrowsAsync<ContractRevertException>(() => TryAsync(duty.Period, proof[..^1]));
            await Assert.ThrowsAsync<ContractRevertException>(() => TryAsync(duty.Period - 1, proof));
            await Assert.ThrowsAsync<ContractRevertException>(() => TryAsync(duty.Period + 1, proof));

            ulong earned = (await _market.Lens.StandingAsync(_node)).Earned;
            await _market.StorageMarket.ProveAsync(_node, duty.Period, proof);
            Assert.Equal(earned + duty.Rate, (await _market.Lens.StandingAsync(_node)).Earned);
            await Assert.ThrowsAsync<ContractRevertException>(() => TryAsync(duty.Period, proof));
        }

        Assert.True(voidDraws > 0, "no draw fell on a range that is over or not begun");
    }

    private async Task TryAsync(uint period, byte[] proof) =>
        await _market.Web3.Eth.CallAsync(_market.StorageMarket.ProveRequest(_node, period, proof), BlockParameter.Latest, _hot.Address);

    private async Task<(byte[] Proof, IReadOnlyList<Draw> Draws, ChallengeContext Context, LedgerRange[] Ranges)> ProveAsync(Duty duty)
    {
        (EntryView[] entries, _) = await _market.Lens.LedgerAsync(_node, 0, 50);
        LedgerRange[] ranges =
        [
            .. entries.Select(entry => new LedgerRange(
                entry.Start, entry.Length, new ShardCommitment(entry.Root, (long)entry.Leaves), new PeriodNumber(entry.From), new PeriodNumber(entry.Until))),
        ];
        var context = new ChallengeContext(
            LocalChain.ChainId, _market.StorageMarket.Address, new NodeId(_node), new PeriodNumber(duty.Period), Challenges.SeedOf(duty.Seed),
            duty.FrozenLength);
        IReadOnlyList<Draw> draws = Challenges.Draw(context, position => ranges.Where(range => range.Holds(position)).Cast<LedgerRange?>().FirstOrDefault());
        var proof = new ArrayBufferWriter<byte>();
        ChallengeProof.Write(draws, draw => _shards.Single(shard => shard.Commitment == draw.Range.Shard), proof);
        return (proof.WrittenSpan.ToArray(), draws, context, ranges);
    }

    private async Task OpenAsync(ulong number, int leaves, ulong rate, uint periods)
    {
        var shard = Shard.Make(leaves, (int)number);
        _shards.Add(shard);
        (uint period, ulong block) = await _market.Lens.CurrentAsync();
        Address client = _chain.GetAccount(0).Address;
        uint end = period + 1 + periods;
        BigInteger terms = new TermsWord(number, Rate.FromUnitsUp(rate).Encoded, (ulong)leaves, end, end, N: 1, K: 1, MinFilled: 1).Pack();
        var unsigned = new Acceptance(new OfferWord(0, _node, block + PeriodBlocks - 5).Pack(), shard.Commitment.Root, Hash32.Keccak([]), Hash32.Keccak([]));
        Hash32 digest = await _market.StorageMarket.AcceptanceHashAsync(client, terms, unsigned);
        (Hash32 r, Hash32 vs) = _hot.SignDigest(digest).ToCompact();
        await _market.StorageMarket.OpenDealAsync(client, terms, [unsigned with { R = r, Vs = vs }]);
    }

    private async Task GoToPeriodStartAsync()
    {
        (_, ulong block) = await _market.Lens.CurrentAsync();
        await _chain.MineAsync(PeriodBlocks - (block % PeriodBlocks));
    }

    private static LedgerRange? At(LedgerRange[] ranges, ulong start) => ranges.Where(range => range.Start == start).Cast<LedgerRange?>().FirstOrDefault();

    /// <summary>A shard in memory with its sidecar.</summary>
    private sealed class Shard : IShardReader
    {
        private readonly byte[] _bytes;
        private readonly byte[] _sidecar;

        private Shard(byte[] bytes)
        {
            var sidecar = new ArrayBufferWriter<byte>();
            using var tree = new MerkleTreeBuilder(sidecar);
            tree.Append(bytes);
            Assert.True(tree.TryFinish(out ShardCommitment commitment));
            (_bytes, _sidecar, Commitment) = (bytes, sidecar.WrittenSpan.ToArray(), commitment);
        }

        public ShardCommitment Commitment { get; }

        public static Shard Make(int leaves, int seed)
        {
            byte[] bytes = new byte[leaves * MerkleTree.LeafBytes];
            new Random(seed).NextBytes(bytes);
            return new Shard(bytes);
        }

        public void ReadShard(long offset, Span<byte> destination) => _bytes.AsSpan((int)offset, destination.Length).CopyTo(destination);

        public void ReadSidecar(long offset, Span<byte> destination) => _sidecar.AsSpan((int)offset, destination.Length).CopyTo(destination);
    }
}
