using System.Numerics;
using Marketplace.Client.Deals;
using Marketplace.Client.Json;
using Marketplace.Domain;
using Marketplace.Gateway.Errors;
using Marketplace.Gateway.Market;

namespace Marketplace.Gateway.Objects;

/// <summary>How much a body that does not say its length may give: as much as the client's money keeps and nodes have room for.</summary>
internal static class OpenLength
{
    /// <summary>The most that such a body may give, in bytes. Who has more says how much.</summary>
    public const long BytesMax = 64L << 30;

    /// <summary>The length whose price tells what a byte costs; nodes without room for it are of no use here.</summary>
    public const long SampleBytes = 64L << 20;

    /// <summary>The body, cut off where the money or the room ends.</summary>
    public static async Task<UploadBody> BodyAsync(Stream content, Func<long, Task<PutReport>> quoteAsync, Funds funds, Address payer, KeepTerms terms)
    {
        PutReport sample = await quoteAsync(SampleBytes);
        long affordable = BytesFor(funds.Spendable, sample.Price);
        long most = affordable;
        while (most > SampleBytes)
        {
            try
            {
                if ((await quoteAsync(most)).Price <= funds.Spendable) break;
                most -= most / 10;
            }
            catch (MarketException refused) when (refused.Code is MarketErrorCode.Incomplete)
            {
                most /= 2;
            }
        }

        bool moneyEnds = most == affordable && most < BytesMax;
        return new UploadBody(new FundedStream(content, most, () => moneyEnds ? TooDear(most, payer, terms) : TooLong(most)), most, IsExact: false);
    }

    /// <summary>
    /// How many bytes the money keeps. Prices are proportional but for padding (at most 3 % from the sample's length on) and roundings;
    /// the margin covers both.
    /// </summary>
    internal static long BytesFor(TokenAmount money, TokenAmount samplePrice)
    {
        if (samplePrice == TokenAmount.Zero) return BytesMax;
        BigInteger bytes = (BigInteger)money.BaseUnits * SampleBytes / (BigInteger)samplePrice.BaseUnits * 95 / 100;
        return bytes < BytesMax ? (long)bytes : BytesMax;
    }

    private static GatewayFailureException TooDear(long most, Address payer, KeepTerms terms) => new(
        StatusCodes.Status402PaymentRequired,
        MarketErrorCode.InsufficientFunds,
        $"What you allowed, and have free in escrow, keeps about {ByteSize.Format(most)}, and the body is longer.",
        $"market allow {payer} AMOUNT --for {Duration.Format(terms.For)}",
        "allowance");

    private static GatewayFailureException TooLong(long most) => new(
        StatusCodes.Status413PayloadTooLarge,
        MarketErrorCode.Usage,
        $"A body of unknown length may have {ByteSize.Format(most)} here.",
        "send it with a Content-Length",
        "tooLong");
}
