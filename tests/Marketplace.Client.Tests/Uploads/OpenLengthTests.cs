using Marketplace.Client.Sources;
using Marketplace.Client.Uploads;
using Marketplace.Domain;

namespace Marketplace.Client.Tests.Uploads;

public sealed class OpenLengthTests
{
    private static readonly IReadOnlyList<SourceObject> s_open = [Stream(mayBeShorter: true), Stream(mayBeShorter: false)];

    [Fact]
    public void Only_a_stream_that_may_be_shorter_has_an_open_length()
    {
        Assert.Equal(1_000_000, OpenLength.BytesOf(s_open));
        Assert.False(OpenLength.IsOpen([Stream(mayBeShorter: false)]));
        Assert.Throws<ArgumentException>(() => OpenLength.BytesOf([Stream(mayBeShorter: true), Stream(mayBeShorter: true)]));
    }

    [Theory]
    [InlineData("1", "2", 484_375)]
    [InlineData("0", "2", 0)]
    [InlineData("1.99999", "2", 968_745)]
    public void Money_cuts_it_in_proportion_and_always_to_less(string money, string price, long bytes)
    {
        IReadOnlyList<SourceObject> cut = OpenLength.CutByMoney(s_open, TokenAmount.Parse(money), TokenAmount.Parse(price));
        Assert.Equal(bytes, OpenLength.BytesOf(cut));
        Assert.Equal(1_000_000, cut[1].Bytes);
        Assert.Equal(MarketErrorCode.InsufficientFunds, cut[0].Entries[0].Beyond!().Code);
    }

    [Fact]
    public void Too_little_room_halves_it_down_to_nothing()
    {
        IReadOnlyList<SourceObject> cut = s_open;
        for (int i = 0; OpenLength.BytesOf(cut) > 0; i++)
        {
            Assert.InRange(i, 0, 20);
            cut = OpenLength.CutByRoom(cut);
        }

        Assert.Equal(MarketErrorCode.Incomplete, cut[0].Entries[0].Beyond!().Code);
    }

    private static SourceObject Stream(bool mayBeShorter) =>
        SourceObject.FromStream("a", System.IO.Stream.Null, 1_000_000, mayBeShorter, DateTimeOffset.UnixEpoch);
}
