using System.Globalization;
using System.Numerics;
using System.Text.Json;
using Marketplace.Chain.Contracts;
using Marketplace.Domain;

namespace Marketplace.Chain.Tests;

/// <summary>The vectors of docs/formats/chain-words.md that programs read or write.</summary>
public sealed class ChainWordTests
{
    private static readonly Dictionary<string, Dictionary<string, string>> s_vectors =
        JsonSerializer.Deserialize<Dictionary<string, Dictionary<string, string>>>(
            File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "chain-words.json")))!;

    [Fact]
    public void A_deal_is_opened_with_terms() =>
        Assert.Equal(Word("terms"), new TermsWord(
            Field("terms", "number"), (uint)Field("terms", "rate"), Field("terms", "leaves"), (uint)Field("terms", "end"),
            (uint)Field("terms", "maxEnd"), (byte)Field("terms", "n"), (byte)Field("terms", "k"), (byte)Field("terms", "minFilled")).Pack());

    [Fact]
    public void An_opened_deal_is_announced() =>
        Assert.Equal(
            new DealWord(
                (uint)Field("announced", "rate"), (uint)Field("announced", "from"), (uint)Field("announced", "end"),
                (uint)Field("announced", "maxEnd"), (byte)Field("announced", "n"), (byte)Field("announced", "k"),
                Field("announced", "leaves"), Field("announced", "previous")),
            DealWord.Read(Word("announced")));

    [Fact]
    public void A_filled_slot_tells_its_range_and_place()
    {
        var root = new Root(Convert.FromHexString(s_vectors["entry"]["root"][2..]));
        Assert.Equal(
            new EntryWord((uint)Field("entry", "rate"), (uint)Field("entry", "until"), (uint)Field("entry", "from"), Field("entry", "leaves"), root),
            EntryWord.Read(Word("entry")));
        Assert.Equal(new PlaceWord(Field("place", "start"), (byte)Field("place", "slot")), PlaceWord.Read(Word("place")));
    }

    [Fact]
    public void An_offer_is_written_and_read()
    {
        var offer = new OfferWord((byte)Field("offer", "slot"), (uint)Field("offer", "node"), Field("offer", "deadline"), Field("offer", "hint") - 1);

        Assert.Equal(Word("offer"), offer.Pack());
        Assert.Equal(offer, OfferWord.Read(offer.Pack()));
    }

    private static BigInteger Word(string name) =>
        BigInteger.Parse("0" + s_vectors[name]["word"][2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    private static ulong Field(string name, string field) => ulong.Parse(s_vectors[name][field], CultureInfo.InvariantCulture);
}
