using System.Buffers;
using System.Numerics;
using CsCheck;
using Marketplace.Domain;

namespace Marketplace.Coding.Tests;

public sealed class ChallengeTests
{
    private static readonly PeriodNumber s_period = new(7);

    [Fact]
    public void A_proof_is_accepted_and_one_with_any_bit_flipped_is_not() =>
        Gen.Select(Gen.Int[1, 8], Gen.Int).Sample((shards, seed) =>
        {
            Ledger ledger = Ledger.Random(shards, seed);
            ChallengeContext context = Context(seed, ledger.Length);
            byte[] proof = Prove(ledger, context);
            Assert.True(ChallengeProof.Verify(context, ledger.RangeAt, proof));

            var random = new Random(seed);
            for (int i = 0; i < 5; i++)
                Assert.False(ChallengeProof.Verify(context, ledger.RangeAt, Sample.FlipBit(proof, random.Next(proof.Length * 8))));
            Assert.False(ChallengeProof.Verify(context, ledger.RangeAt, proof.AsSpan(..^1)));
            Assert.False(ChallengeProof.Verify(context, ledger.RangeAt, [.. proof, 0]));
            Assert.False(ChallengeProof.Verify(context with { Node = new NodeId(2) }, ledger.RangeAt, proof));
            Assert.False(ChallengeProof.Verify(context with { Seed = Hash32.Keccak([1]) }, ledger.RangeAt, proof));
        }, iter: 10_000);

    [Fact]
    public void Draws_follow_the_definition()
    {
        Ledger ledger = Ledger.Random(5, 3);
        ChallengeContext context = Context(3, ledger.Length);
        byte[] seed = Keccak256.HashData([
            .. "storage-market challenge v1"u8, .. new byte[5], .. new byte[24], .. Big(context.ChainId, 8), .. context.Market.ToArray(),
            .. Big(context.Node.Value, 4), .. Big(context.Period.Value, 4), .. context.Seed.ToArray()]);
        var gone = new List<LedgerRange>();
        foreach (Draw draw in Challenges.Draw(context, ledger.Find))
        {
            var value = new BigInteger(Keccak256.HashData([.. seed, .. Big((ulong)draw.Number, 2)]), isUnsigned: true, isBigEndian: true);
            BigInteger low = value & ((BigInteger.One << 128) - 1);
            // Line up the positions that are left, and count along them.
            BigInteger place = (value >> 128) * (context.FrozenLength - gone.Aggregate(0UL, (sum, range) => sum + range.Length)) >> 128;
            foreach (LedgerRange range in gone.OrderBy(range => range.Start))
            {
                if (place >= range.Start) place += range.Length;
            }

            Assert.Equal(place, draw.Position);
            Assert.True(draw.Range.Holds(draw.Position));
            Assert.Equal(draw.Range.IsLive(context.Period), draw.IsLive);
            Assert.Equal(draw.IsLive ? low * draw.Range.Shard.Leaves >> 128 : 0, draw.Leaf);
            if (!draw.IsLive) gone.Add(draw.Range);
        }
    }

    [Fact]
    public void Draws_end_with_the_fifth_live_one_and_skip_dead_ranges()
    {
        Ledger ledger = Ledger.Random(6, 4);
        for (int seed = 0; seed < 50; seed++)
        {
            IReadOnlyList<Draw> draws = Challenges.Draw(Context(seed, ledger.Length), ledger.Find);
            Assert.Equal(Challenges.LiveDraws, draws.Count(draw => draw.IsLive));
            Assert.True(draws[^1].IsLive);
            Assert.Equal(Enumerable.Range(0, draws.Count), draws.Select(draw => draw.Number));
        }
    }

    [Fact]
    public void A_dead_range_is_drawn_once_however_dear_it_was()
    {
        ShardCommitment shard = MerkleTree.Commit(new byte[256]);
        LedgerRange cheap = new(0, 1, shard, new PeriodNumber(0), new PeriodNumber(100));
        LedgerRange dead = new(1, 1_000_000, shard, new PeriodNumber(0), s_period);
        LedgerRange last = new(1_000_001, 1, shard, new PeriodNumber(0), new PeriodNumber(100));
        for (int seed = 0; seed < 50; seed++)
        {
            IReadOnlyList<Draw> draws = Challenges.Draw(Context(seed, 1_000_002), position => position < 1 ? cheap : position < 1_000_001 ? dead : last);
            Assert.Equal(draws.Count - 1, draws.Count(draw => draw.IsLive));
        }
    }

    [Fact]
    public void Shards_are_drawn_by_their_rate()
    {
        ShardCommitment shard = MerkleTree.Commit(new byte[256]);
        LedgerRange cheap = new(0, 1000, shard, new PeriodNumber(0), new PeriodNumber(100));
        LedgerRange dear = new(1000, 9000, shard, new PeriodNumber(0), new PeriodNumber(100));
        int hits = Enumerable.Range(0, 2000)
            .SelectMany(seed => Challenges.Draw(Context(seed, 10_000), position => position < 1000 ? cheap : dear))
            .Count(draw => draw.Range == dear);
        Assert.InRange(hits, 8800, 9200);
    }

    [Fact]
    public void A_leaf_with_its_path_answers_for_its_place_only()
    {
        var shard = new MemoryShard(Sample.Bytes(100 * 256, 1));
        byte[] answer = new byte[256 + (7 * 20)];
        for (int leaf = 0; leaf < 100; leaf++)
        {
            ChallengeProof.WriteLeafAndPath(shard, 100, leaf, answer);
            Assert.True(ChallengeProof.VerifyLeaf(shard.Commitment, leaf, answer));
            Assert.False(ChallengeProof.VerifyLeaf(shard.Commitment, leaf == 0 ? 1 : leaf - 1, answer));
        }

        Assert.False(ChallengeProof.VerifyLeaf(shard.Commitment, 100, answer));
    }

    [Fact]
    public void Random_bytes_are_no_proof_and_do_no_harm()
    {
        Ledger ledger = Ledger.Random(3, 1);
        Gen.Select(Gen.Byte.Array[0, 2000], Gen.Int).Sample((proof, seed) =>
            Assert.False(ChallengeProof.Verify(Context(seed, ledger.Length), ledger.RangeAt, proof)));
    }

    private static byte[] Big(ulong value, int bytes)
    {
        byte[] all = BitConverter.GetBytes(value);
        Array.Resize(ref all, bytes);
        Array.Reverse(all);
        return all;
    }

    private static ChallengeContext Context(int seed, ulong length) => new(
        31337, new Address(Sample.Bytes(20, 1)), new NodeId(1), s_period, Challenges.SeedOf(Sample.Bytes(20, seed)), length);

    private static byte[] Prove(Ledger ledger, ChallengeContext context)
    {
        var proof = new ArrayBufferWriter<byte>();
        ChallengeProof.Write(Challenges.Draw(context, ledger.Find), draw => ledger.Shards[draw.Range], proof);
        return proof.WrittenSpan.ToArray();
    }

    private sealed class Ledger
    {
        public Dictionary<LedgerRange, MemoryShard> Shards { get; } = [];

        public ulong Length { get; private set; }

        public static Ledger Random(int shards, int seed)
        {
            var random = new Random(seed);
            var ledger = new Ledger();
            for (int i = 0; i < shards; i++)
            {

                // Enough leaves that two nodes never happen to draw the same five.
                var shard = new MemoryShard(Sample.Bytes(random.Next(100, 300) * 256, seed + i));
                bool dead = i > 0 && random.Next(3) == 0;
                ulong rate = (ulong)random.NextInt64(1, 1L << 33);
                var range = new LedgerRange(ledger.Length, rate, shard.Commitment, new PeriodNumber(1), new PeriodNumber(dead ? 7u : 8u));
                ledger.Shards.Add(range, shard);
                ledger.Length += rate;
            }

            return ledger;
        }

        public LedgerRange? Find(ulong position) => Shards.Keys.Single(range => range.Holds(position));

        public LedgerRange? RangeAt(ulong start) => Shards.Keys.Where(range => range.Start == start).Cast<LedgerRange?>().SingleOrDefault();
    }
}
