using System.Text;
using CsCheck;

namespace Marketplace.Domain.Tests;

public class Keccak256Tests
{
    [Theory]
    [InlineData("", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470")]
    [InlineData("abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45")]
    [InlineData("transfer(address,uint256)", "a9059cbb2ab09eb219583f4a59a5d0623ade346d962bcd4e46b11da047c9049b")]
    public void Published_digests_come_out(string text, string digest) =>
        Assert.Equal(digest, Convert.ToHexStringLower(Keccak256.HashData(Encoding.ASCII.GetBytes(text))));

    [Fact]
    public void Every_length_around_a_block_has_a_digest_of_its_own()
    {
        var seen = new HashSet<string>();
        for (int length = 0; length < 3 * Keccak256.RateBytes; length++)
        {
            Assert.True(seen.Add(Convert.ToHexString(Keccak256.HashData(new byte[length]))), $"length {length}");
        }
    }

    [Fact]
    public void One_flipped_bit_changes_the_digest() =>
        Gen.Select(Gen.Byte.Array[1, 400], Gen.Int[0, 7], Gen.UInt).Sample((bytes, bit, place) =>
        {
            byte[] before = Keccak256.HashData(bytes);
            bytes[place % bytes.Length] ^= (byte)(1 << bit);
            return !before.SequenceEqual(Keccak256.HashData(bytes));
        });
}
