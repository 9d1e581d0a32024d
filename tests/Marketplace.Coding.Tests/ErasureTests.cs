using CsCheck;
using Marketplace.Domain;

namespace Marketplace.Coding.Tests;

public sealed class ErasureTests
{
    private static readonly Gen<ErasureCode> s_codes =
        from shards in Gen.OneOf(Gen.Int[1, 12], Gen.Int[13, Redundancy.ShardsMax])
        from needed in Gen.Int[1, shards]
        select new ErasureCode(needed, shards);

    private static readonly Gen<ErasureCode> s_smallCodes =
        from shards in Gen.Int[1, 20]
        from needed in Gen.Int[1, shards]
        select new ErasureCode(needed, shards);

    private static readonly byte[] s_products = [.. Enumerable.Range(0, 256 * 256).Select(pair => (byte)PlainProduct(pair / 256, pair % 256))];

    [Fact]
    public void Any_k_columns_give_the_stripe_back_and_rebuild_any_other() =>
        Gen.Select(s_codes, Gen.OneOf(Gen.Int[1, 60], Gen.Int[250, 600]), Gen.Int).Sample(EncodeLoseDecode, iter: 300);

    [Fact]
    public void Any_k_columns_give_the_stripe_back_in_ten_thousand_small_cases() =>
        Gen.Select(s_smallCodes, Gen.OneOf(Gen.Int[1, 60], Gen.Int[250, 600]), Gen.Int).Sample(EncodeLoseDecode, iter: 10_000);

    [Fact]
    public void Any_k_up_to_n_up_to_255_is_coded_and_nothing_else()
    {
        foreach ((int needed, int shards) in ((int, int)[])[(1, 1), (2, 2), (1, 2), (255, 255), (254, 255), (1, 255)])
            EncodeLoseDecode(new ErasureCode(needed, shards), 100, shards);
        foreach ((int needed, int shards) in ((int, int)[])[(0, 3), (4, 3), (3, 256)])
            Assert.Throws<ArgumentOutOfRangeException>(() => new ErasureCode(needed, shards));
        // Nobody is sold what is lost with the first node.
        Assert.Throws<ArgumentOutOfRangeException>(() => new ShardEncoder(new ErasureCode(3, 3)));
    }

    private static void EncodeLoseDecode(ErasureCode code, int cell, int seed)
    {
        int k = code.Needed;
        var random = new Random(seed);
        byte[] stripe = Sample.Bytes(k * cell, seed);
        byte[] parity = new byte[code.ParityColumns * cell];
        code.Encode(stripe, parity);
        byte[] all = [.. stripe, .. parity];

        int[] columns = [.. Enumerable.Range(0, code.Shards)];
        random.Shuffle(columns);
        byte[] survivors = [.. columns[..k].SelectMany(i => all[(i * cell)..((i + 1) * cell)])];
        byte[] decoded = new byte[stripe.Length];
        code.PlanDecode(columns.AsSpan(0, k)).Apply(survivors, decoded);
        Assert.Equal(stripe, decoded);

        int lost = columns[^1];
        byte[] rebuilt = new byte[cell];
        code.PlanRebuild(columns.AsSpan(0, k), lost).Apply(survivors, rebuilt);
        Assert.Equal(all[(lost * cell)..((lost + 1) * cell)], rebuilt);
    }

    [Fact]
    public void Parity_is_what_the_plain_definition_says()
    {
        var code = new ErasureCode(new Redundancy(4, 10));
        byte[] stripe = Sample.Bytes(4 * 50, 3);
        byte[] parity = new byte[6 * 50];
        code.Encode(stripe, parity);
        for (int i = 0; i < 6; i++)
        {
            for (int at = 0; at < 50; at++)
            {
                int sum = 0;
                for (int j = 0; j < 4; j++) sum ^= PlainProduct(PlainInverse((4 + i) ^ j), stripe[(j * 50) + at]);
                Assert.Equal(sum, parity[(i * 50) + at]);
            }
        }
    }

    [Fact]
    public void Every_factor_multiplies_as_the_plain_definition_says_in_every_kernel()
    {
        byte[] source = [.. Enumerable.Range(0, 512).Select(value => (byte)value)];
        foreach (FieldKernel kernel in Enum.GetValues<FieldKernel>().Where(FieldProduct.IsSupported))
        {
            for (int factor = 0; factor < 256; factor++)
            {
                byte[] product = Sample.Bytes(source.Length, factor);
                new ErasurePlan([(byte)factor], 1).Apply(kernel, source, product);
                Assert.Equal(source.Select(value => (byte)PlainProduct(factor, value)), product);
            }
        }
    }

    [Fact]
    public void Every_kernel_multiplies_any_matrix_as_the_plain_definition_says() =>
        Gen.Select(Gen.Int[1, 34], Gen.Int[1, 34], Gen.OneOf(Gen.Int[0, 70], Gen.Int[200, 600]), Gen.Int).Sample((inputs, outputs, cell, seed) =>
        {
            byte[] matrix = Sample.Bytes(inputs * outputs, seed);
            byte[] source = Sample.Bytes(inputs * cell, seed + 1);
            byte[] expected = new byte[outputs * cell];
            for (int i = 0; i < outputs; i++)
            {
                for (int j = 0; j < inputs; j++)
                {
                    for (int at = 0; at < cell; at++) expected[(i * cell) + at] ^= s_products[(matrix[(i * inputs) + j] * 256) + source[(j * cell) + at]];
                }
            }

            foreach (FieldKernel kernel in Enum.GetValues<FieldKernel>().Where(FieldProduct.IsSupported))
            {
                byte[] product = Sample.Bytes(expected.Length, seed);
                new ErasurePlan(matrix, inputs).Apply(kernel, source, product);
                Assert.Equal(expected, product);
            }
        }, iter: 200);

    [Fact]
    public void With_k_of_one_every_column_is_the_data()
    {
        var code = new ErasureCode(new Redundancy(1, 3));
        byte[] data = Sample.Bytes(300, 1);
        byte[] parity = new byte[600];
        code.Encode(data, parity);
        Assert.Equal([.. data, .. data], parity);
    }

    [Fact]
    public void Columns_that_are_given_twice_or_are_unknown_are_refused()
    {
        var code = new ErasureCode(new Redundancy(2, 4));
        Assert.Throws<ArgumentException>(() => code.PlanDecode([1, 1]));
        Assert.Throws<ArgumentException>(() => code.PlanDecode([1, 4]));
        Assert.Throws<ArgumentException>(() => code.PlanDecode([1]));
    }

    public static TheoryData<string, long> Boundaries()
    {
        var data = new TheoryData<string, long>();
        foreach (string text in (string[])["1/3", "4/6", "4/10", "10/30", "3/255"])
        {
            Redundancy redundancy = Redundancy.Parse(text);
            int unit = ShardGeometry.BundleUnit(redundancy);
            long stripe = (long)ShardGeometry.CellBytes * redundancy.Needed;
            foreach (long bytes in (long[])[unit, 2 * unit, stripe - unit, stripe, stripe + unit, (2 * stripe) - unit, 2 * stripe, (2 * stripe) + unit])
                data.Add(text, bytes);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Boundaries))]
    public void A_bundle_goes_to_columns_and_back_at_every_boundary(string text, long bundleBytes)
    {
        Redundancy redundancy = Redundancy.Parse(text);
        int k = redundancy.Needed;
        byte[] bundle = Sample.Bytes((int)bundleBytes, k);
        var code = new ErasureCode(redundancy);
        var geometry = new ShardGeometry(redundancy, bundleBytes);
        byte[][] columns = Encode(code, bundle, out ShardCommitment[] commitments);

        for (int i = 0; i < columns.Length; i++)
        {
            Assert.Equal(geometry.ShardBytes, columns[i].Length);
            Assert.Equal(MerkleTree.Commit(columns[i]), commitments[i]);
        }

        Assert.Equal(geometry, ShardGeometry.FromLeaves(redundancy, commitments[0].Leaves));
        var random = new Random((int)bundleBytes);
        for (int turn = 0; turn < 20; turn++)
        {
            long offset = random.NextInt64(bundleBytes);
            int[] chosen = [.. Enumerable.Range(0, redundancy.Shards)];
            random.Shuffle(chosen);
            chosen = chosen[..k];
            ShardRange range = geometry.RangeFor(offset, random.NextInt64(1, bundleBytes - offset + 1));
            var decoder = new ShardDecoder(code, geometry, chosen);
            ReadOnlyMemory<byte>[] parts = [.. chosen.Select(i => (ReadOnlyMemory<byte>)columns[k == 1 ? 0 : i].AsMemory((int)range.Offset, (int)range.Bytes))];
            byte[] decoded = new byte[range.BundleBytes];
            decoder.Decode(range.Offset, parts, decoded);
            Assert.InRange(offset, range.BundleOffset, range.BundleOffset + range.BundleBytes - 1);
            Assert.True(bundle.AsSpan((int)range.BundleOffset, (int)range.BundleBytes).SequenceEqual(decoded));
        }
    }

    [Fact]
    public void A_length_that_is_not_whole_leaves_for_every_column_is_no_bundle()
    {
        var redundancy = new Redundancy(4, 6);
        Assert.False(ShardGeometry.IsBundleSize(redundancy, 0));
        Assert.False(ShardGeometry.IsBundleSize(redundancy, 1023));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ShardGeometry(redundancy, 1025));
        using var encoder = new ShardEncoder(new ErasureCode(redundancy));
        encoder.Append(new byte[1000]);
        Assert.Throws<InvalidOperationException>(encoder.Finish);
    }

    internal static byte[][] Encode(ErasureCode code, byte[] bundle, out ShardCommitment[] commitments)
    {
        using var encoder = new ShardEncoder(code);
        List<byte>[] columns = [.. Enumerable.Range(0, encoder.Columns).Select(_ => new List<byte>())];
        ReadOnlySpan<byte> left = bundle;
        while (!left.IsEmpty)
        {
            left = left[encoder.Append(left[..Math.Min(left.Length, 5000)])..];
            if (encoder.HasCells) Take();
        }

        encoder.Finish();
        if (encoder.HasCells) Take();
        commitments = [.. Enumerable.Range(0, encoder.Columns).Select(encoder.Commitment)];
        return [.. columns.Select(column => column.ToArray())];

        void Take()
        {
            for (int i = 0; i < columns.Length; i++) columns[i].AddRange(encoder.Cell(i).Span);
            encoder.Release();
        }
    }

    private static int PlainProduct(int a, int b)
    {
        int product = 0;
        for (; b != 0; b >>= 1)
        {
            if ((b & 1) != 0) product ^= a;
            a = (a << 1) ^ (a >= 128 ? 0x11D : 0);
        }

        return product;
    }

    private static int PlainInverse(int a) => Enumerable.Range(1, 255).First(b => PlainProduct(a, b) == 1);
}
