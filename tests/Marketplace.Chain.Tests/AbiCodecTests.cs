using System.Numerics;
using CsCheck;
using Marketplace.Chain.Abi;
using Marketplace.Domain;

namespace Marketplace.Chain.Tests;

public class AbiCodecTests
{
    /// <summary>From the Solidity manual, "Contract ABI Specification", use of dynamic types.</summary>
    [Fact]
    public void The_example_of_the_specification_gives_its_bytes()
    {
        AbiTuple types = (AbiTuple)AbiType.Parse("(uint256,uint32[],bytes10,bytes)");

        byte[] data = AbiCodec.Encode(types.Types, 0x123, new uint[] { 0x456, 0x789 }, "1234567890"u8.ToArray(), "Hello, world!"u8.ToArray());

        Assert.Equal("0x8be65246", Hex.Encode(AbiCodec.Selector("f" + types.Name)));
        Assert.Equal(
            "0x0000000000000000000000000000000000000000000000000000000000000123"
            + "0000000000000000000000000000000000000000000000000000000000000080"
            + "3132333435363738393000000000000000000000000000000000000000000000"
            + "00000000000000000000000000000000000000000000000000000000000000e0"
            + "0000000000000000000000000000000000000000000000000000000000000002"
            + "0000000000000000000000000000000000000000000000000000000000000456"
            + "0000000000000000000000000000000000000000000000000000000000000789"
            + "000000000000000000000000000000000000000000000000000000000000000d"
            + "48656c6c6f2c20776f726c642100000000000000000000000000000000000000",
            Hex.Encode(data));
    }

    [Theory]
    [InlineData("(uint256 a, (bytes b,address c)[2][] d)", "(uint256,(bytes,address)[2][])")]
    [InlineData("tuple(uint a,int b)", "(uint256,int256)")]
    [InlineData("()", "()")]
    public void Types_have_canonical_names(string text, string name) => Assert.Equal(name, AbiType.Parse(text).Name);

    [Theory]
    [InlineData("uint7")]
    [InlineData("uint264")]
    [InlineData("uint08")]
    [InlineData("bytes33")]
    [InlineData("bytes0")]
    [InlineData("(uint256")]
    [InlineData("uint256[")]
    [InlineData("uint256[-1]")]
    [InlineData("uint256)")]
    [InlineData("fixed128x18")]
    [InlineData("")]
    public void What_is_no_type_is_refused(string text) => Assert.Throws<AbiException>(() => AbiType.Parse(text));

    [Fact]
    public void A_type_nested_without_end_is_refused_before_the_stack_ends() =>
        Assert.Throws<AbiException>(() => AbiType.Parse(new string('(', 100_000)));

    [Theory]
    [InlineData("uint8", 256)]
    [InlineData("uint8", -1)]
    [InlineData("int8", 128)]
    [InlineData("int8", -129)]
    public void Numbers_that_do_not_fit_are_refused(string type, int value) =>
        Assert.Throws<AbiException>(() => AbiCodec.Encode([AbiType.Parse(type)], value));

    [Fact]
    public void Values_of_another_kind_or_number_are_refused()
    {
        Assert.Throws<AbiException>(() => AbiCodec.Encode([AbiType.Parse("uint8")], "1"));
        Assert.Throws<AbiException>(() => AbiCodec.Encode([AbiType.Parse("bytes4")], new byte[5]));
        Assert.Throws<AbiException>(() => AbiCodec.Encode([AbiType.Parse("bool[2]")], new[] { true }));
        Assert.Throws<AbiException>(() => AbiCodec.Encode([AbiType.Parse("bool")], true, false));
        Assert.Throws<AbiException>(() => AbiCodec.Encode([AbiType.Parse("address")], "0x12"));
        Assert.Throws<AbiException>(() => AbiCodec.Encode([AbiType.Parse("bool")], [null]));
    }

    [Theory]
    [InlineData("uint8", "0000000000000000000000000000000000000000000000000000000000000100")]
    [InlineData("int8", "0000000000000000000000000000000000000000000000000000000000000080")]
    [InlineData("bool", "0000000000000000000000000000000000000000000000000000000000000002")]
    [InlineData("address", "0000000000000000000000010000000000000000000000000000000000000000")]
    [InlineData("bytes4", "0000000001000000000000000000000000000000000000000000000000000000")]
    [InlineData("uint256", "00")]
    [InlineData("bytes", "0000000000000000000000000000000000000000000000000000000000000040")]
    [InlineData("bytes", "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")]
    [InlineData("bytes", "0000000000000000000000000000000000000000000000000000000080000000")]
    [InlineData("uint8[]", "0000000000000000000000000000000000000000000000000000000000000020000000000000000000000000000000000000000000000000000000007fffffff")]
    [InlineData("()[]", "0000000000000000000000000000000000000000000000000000000000000020000000000000000000000000000000000000000000000000000000007fffffff")]
    public void Bytes_that_are_no_encoding_are_refused(string type, string data) =>
        Assert.Throws<AbiException>(() => AbiCodec.Decode([AbiType.Parse(type)], Convert.FromHexString(data)));

    [Fact]
    public void Offsets_that_point_at_the_same_bytes_over_and_over_are_refused()
    {
        // Each level's elements all point at the next level: read literally, 30 words would grow to 2^27 values.
        const int levels = 9;
        List<byte> data = [.. Word(32)];
        for (int i = 0; i < levels; i++) data.AddRange([.. Word(8), .. Enumerable.Range(0, 8).SelectMany(static _ => Word(256))]);
        AbiType type = AbiType.Parse("uint256" + string.Concat(Enumerable.Repeat("[]", levels)));

        Assert.Throws<AbiException>(() => AbiCodec.Decode([type], data.ToArray()));

        static byte[] Word(int value) => AbiCodec.Encode([AbiType.Parse("uint256")], value);
    }

    [Fact]
    public void Bad_text_does_not_make_the_rest_unreadable()
    {
        byte[] data = AbiCodec.Encode([AbiType.Parse("bytes"), AbiType.Parse("uint8")], new byte[] { 0x61, 0xff }, 7);

        object?[] values = AbiCodec.Decode([AbiType.Parse("string"), AbiType.Parse("uint8")], data);

        Assert.Equal(["a\uFFFD", new BigInteger(7)], values);
    }

    [Fact]
    public void Random_bytes_are_decoded_or_refused_and_nothing_else() => Gen.Select(Gen.Int, Gen.Byte.Array[0, 400]).Sample(
        static (seed, bytes) =>
        {
            Peer.RandomAbi random = new(seed);
            AbiTuple types = random.NextTuple();
            // Real encodings with a flipped byte come further than noise.
            byte[] data = seed % 2 == 0 ? bytes : AbiCodec.Encode(types.Types, (object?[])random.NextValue(types));
            if (data.Length > 0) data[random.Random.Next(data.Length)] ^= (byte)random.Random.Next(256);
            try
            {
                AbiCodec.Decode(types.Types, data);
            }
            catch (AbiException)
            {
            }
        },
        iter: 3_000);
}
