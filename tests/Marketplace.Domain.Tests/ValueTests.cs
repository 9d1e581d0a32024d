using System.Numerics;
using System.Text.Json;
using CsCheck;

namespace Marketplace.Domain.Tests;

public class ValueTests
{
    [Theory]
    [InlineData("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")]
    [InlineData("0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359")]
    [InlineData("0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB")]
    public void An_address_is_written_with_the_checksum_of_EIP_55(string text)
    {
        Assert.Equal(text, Address.Parse(text.ToLowerInvariant()).ToString());
        Assert.Equal(text, Address.Parse(text).ToString());
    }

    [Theory]
    [InlineData("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD")]
    [InlineData("5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")]
    [InlineData("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeA")]
    [InlineData("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeg")]
    [InlineData("")]
    [InlineData(null)]
    public void A_text_that_is_no_address_is_refused(string? text) => Assert.False(Address.TryParse(text, null, out _));

    [Theory]
    [InlineData("0", "0")]
    [InlineData("1.25", "1.25")]
    [InlineData("0.000000000000000001", "0.000000000000000001")]
    [InlineData("340282366920938463463.374607431768211455", "340282366920938463463.374607431768211455")]
    [InlineData("007.500", "7.5")]
    public void An_amount_reads_and_writes_decimal_tokens(string text, string written) =>
        Assert.Equal(written, TokenAmount.Parse(text).ToString());

    [Theory]
    [InlineData("-1")]
    [InlineData("1.")]
    [InlineData(".5")]
    [InlineData("1e3")]
    [InlineData("1,5")]
    [InlineData("0.0000000000000000001")]
    [InlineData("340282366920938463463.374607431768211456")]
    [InlineData("")]
    public void A_text_that_is_no_amount_is_refused(string text) => Assert.False(TokenAmount.TryParse(text, null, out _));

    [Fact]
    public void Every_amount_survives_its_text() => Gen.Select(Gen.ULong, Gen.ULong).Sample((high, low) =>
    {
        var amount = new TokenAmount(new UInt128(high, low));
        return TokenAmount.Parse(amount.ToString()) == amount;
    });

    [Fact]
    public void A_rate_is_the_smallest_that_is_not_below_the_amount() => Gen.ULong[1, (1UL << 37)].Sample(units =>
    {
        Rate rate = Rate.FromUnitsUp(units);
        bool canonical = Rate.TryDecode(rate.Encoded, out Rate again) && again == rate;
        bool enough = rate.Units >= units;
        bool least = rate.Encoded == 1 || !Rate.TryDecode(rate.Encoded - 1, out Rate below) || below.Units < units;
        bool close = rate.Units - units <= units / 4096;
        return canonical && enough && least && close;
    });

    [Fact]
    public void Of_all_encodings_each_value_has_one()
    {
        var values = new Dictionary<ulong, uint>();
        for (uint encoded = 0; encoded < 1 << 18; encoded++)
        {
            if (!Rate.TryDecode(encoded, out Rate rate)) continue;
            Assert.True(values.TryAdd(rate.Units, encoded), $"{encoded:x} repeats {rate.Units}");
            Assert.InRange(rate.Units, 1UL, (1UL << Rate.ValueBits) - 1);
        }

        Assert.False(Rate.TryDecode(0, out _));
        Assert.Throws<OverflowException>(() => Rate.FromUnitsUp(UInt128.One << Rate.ValueBits));
    }

    [Fact]
    public void A_price_gives_a_gibibyte_its_monthly_sum_over_the_periods_of_a_month()
    {
        var price = new Price(TokenAmount.Parse("1"));
        Rate rate = price.RateFor(ByteSize.Gibibyte, periodBlocks: 10_800, blockSeconds: 2);
        Assert.InRange(rate.Units * 120, TokenAmount.UnitsPerToken, TokenAmount.UnitsPerToken + (TokenAmount.UnitsPerToken / 4096) + 120);
        Assert.Equal(1UL, price.RateFor(1, 20, 1).Units);
    }

    [Fact]
    public void A_rate_that_the_chain_cannot_keep_is_none()
    {
        Assert.False(new Price(TokenAmount.FromUnits(ulong.MaxValue)).TryRateFor(ByteSize.Gibibyte, 20, 1, out _));
        Assert.False(new Price(new TokenAmount(UInt128.MaxValue)).TryRateFor(ulong.MaxValue, uint.MaxValue, uint.MaxValue, out _));
        Assert.False(new Price(TokenAmount.Parse("100")).TryRateFor(1UL << 42, 10_800, 2, out _));
        Assert.False(Rate.TryFromUnitsUp((UInt128.One << Rate.ValueBits) - 1, out _));
        const ulong most = (1UL << Rate.ValueBits) - (1UL << (Rate.ValueBits - Rate.MantissaBits));
        Assert.True(Rate.TryFromUnitsUp(most, out Rate rate));
        Assert.Equal(most, rate.Units);
    }

    [Theory]
    [InlineData("1/3", 1, 3)]
    [InlineData("10/30", 10, 30)]
    [InlineData("254/255", 254, 255)]
    public void A_redundancy_is_read(string text, int needed, int shards)
    {
        Redundancy redundancy = Redundancy.Parse(text);
        Assert.Equal((needed, shards), (redundancy.Needed, redundancy.Shards));
        Assert.Equal(text, redundancy.ToString());
    }

    [Theory]
    [InlineData("1/2")]
    [InlineData("3/3")]
    [InlineData("0/3")]
    [InlineData("1/256")]
    [InlineData("1-3")]
    [InlineData("-1/3")]
    [InlineData("")]
    public void A_redundancy_below_three_shards_or_without_spare_is_refused(string text) =>
        Assert.False(Redundancy.TryParse(text, null, out _));

    [Fact]
    public void A_deal_survives_its_word_and_its_text() => Gen.Select(Gen.Byte.Array[20], Gen.ULong[0, DealId.NumberMax]).Sample((bytes, number) =>
    {
        var deal = new DealId(new Address(bytes), number);
        return DealId.FromWord(deal.ToWord()) == deal && DealId.Parse(deal.ToString()) == deal;
    });

    [Fact]
    public void A_word_that_names_no_deal_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => DealId.FromWord(BigInteger.One << 256));
        Assert.Throws<ArgumentOutOfRangeException>(() => DealId.FromWord(BigInteger.One << 48));
    }

    [Theory]
    [InlineData("4096", 4096)]
    [InlineData("1.5 GiB", 1_610_612_736)]
    [InlineData("100MiB", 104_857_600)]
    [InlineData("10 GB", 10_000_000_000)]
    [InlineData("0", 0)]
    public void A_size_is_read(string text, long bytes) => Assert.Equal(bytes, ByteSize.Parse(text));

    [Theory]
    [InlineData("")]
    [InlineData("GiB")]
    [InlineData("-1")]
    [InlineData("1 ZiB")]
    [InlineData("99999999 PiB")]
    public void A_text_that_is_no_size_is_refused(string text) => Assert.False(ByteSize.TryParse(text, out _));

    [Theory]
    [InlineData("90s", 90)]
    [InlineData("10m", 600)]
    [InlineData("12h", 43_200)]
    [InlineData("30d", 2_592_000)]
    public void A_duration_is_read_and_written(string text, int seconds)
    {
        Assert.Equal(seconds, Duration.Parse(text).TotalSeconds);
        Assert.Equal(TimeSpan.FromSeconds(seconds), Duration.Parse(Duration.Format(TimeSpan.FromSeconds(seconds))));
    }

    [Theory]
    [InlineData("10")]
    [InlineData("0s")]
    [InlineData("1w")]
    [InlineData("1.5h")]
    [InlineData("")]
    public void A_text_that_is_no_duration_is_refused(string text) => Assert.False(Duration.TryParse(text, out _));

    [Fact]
    public void A_duration_is_rounded_up_to_whole_periods()
    {
        var schedule = new Schedule(PeriodBlocks: 20, SeedDelayBlocks: 2, BlockSeconds: 1);
        Assert.Equal(1U, schedule.PeriodsIn(TimeSpan.FromSeconds(1)));
        Assert.Equal(1U, schedule.PeriodsIn(TimeSpan.FromSeconds(20)));
        Assert.Equal(2U, schedule.PeriodsIn(TimeSpan.FromSeconds(21)));
        Assert.Equal(129_600U, schedule.PeriodsIn(TimeSpan.FromDays(30)));
        Assert.Throws<OverflowException>(() => schedule.PeriodsIn(TimeSpan.FromDays(36_500)));
    }

    [Fact]
    public void Blocks_of_a_period_are_those_that_name_it()
    {
        var schedule = new Schedule(20, 2, 1);
        var period = new PeriodNumber(7);
        Assert.Equal(period, schedule.PeriodOf(schedule.FirstBlock(period)));
        Assert.Equal(period, schedule.PeriodOf(schedule.LastBlock(period)));
        Assert.Equal(period + 1, schedule.PeriodOf(new BlockNumber(schedule.LastBlock(period).Value + 1)));
        Assert.Equal(142UL, schedule.SeedBlock(period).Value);
    }

    [Fact]
    public void Values_are_text_or_numbers_in_json()
    {
        var record = new Sample(new NodeId(7), TokenAmount.Parse("0.5"), Redundancy.Default, Address.Zero, new Root(new byte[20]));
        string json = JsonSerializer.Serialize(record, JsonSerializerOptions.Web);
        Assert.StartsWith("""{"node":7,"amount":"0.5","redundancy":"1/3","address":"0x""", json);
        Assert.Equal(record, JsonSerializer.Deserialize<Sample>(json, JsonSerializerOptions.Web));
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<Sample>("""{"node":16777216}""", JsonSerializerOptions.Web));
    }

    private sealed record Sample(NodeId Node, TokenAmount Amount, Redundancy Redundancy, Address Address, Root Root);
}
