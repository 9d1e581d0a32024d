using System.Numerics;
using Marketplace.Chain;
using Marketplace.Chain.Contracts;
using Marketplace.Chain.Eth;
using Marketplace.Chain.Rpc;
using Marketplace.Commands.Homes;
using Marketplace.Client.Json;
using Marketplace.Domain;

namespace Marketplace.Commands.Money;

/// <summary>Reads what an account has, all from the chain.</summary>
internal static class Balances
{
    // Endpoints limit how many blocks one search for events may span.
    private const ulong BlocksPerSearchMax = 10_000;
    private const int SearchesMax = 200;

    /// <summary>The account's money, and what operators may do with it.</summary>
    public static async Task<BalanceReport> ReadAsync(MarketContracts chain, Address address, CancellationToken cancellation)
    {
        BigInteger wallet = await chain.Token.BalanceOfAsync(address, token: cancellation);
        EscrowAccount account = await chain.Escrow.AccountOfAsync(address, token: cancellation);
        BigInteger gas = await chain.Web3.Eth.GetBalanceAsync(address, token: cancellation);
        return new BalanceReport(
            address,
            new TokenAmount((UInt128)wallet),
            TokenAmount.FromUnits(account.Free),
            TokenAmount.FromUnits(account.Locked),
            new TokenAmount((UInt128)gas),
            await ReadAllowancesAsync(chain, address, cancellation));
    }

    /// <summary>When a period begins, by the chain's nominal block time.</summary>
    /// <param name="schedule">The market's clock.</param>
    /// <param name="period">The period.</param>
    /// <param name="block">The height now.</param>
    public static DateTimeOffset TimeOf(Schedule schedule, PeriodNumber period, ulong block)
    {
        double blocks = (double)schedule.FirstBlock(period).Value - block;
        return DateTimeOffset.UtcNow.AddSeconds(blocks * schedule.BlockSeconds);
    }

    private static async Task<IReadOnlyList<AllowanceReport>> ReadAllowancesAsync(MarketContracts chain, Address address, CancellationToken cancellation)
    {
        EscrowService escrow = chain.Escrow;
        Address[] operators = [.. await FindOperatorsAsync(chain, escrow, address, cancellation)];
        if (operators.Length == 0) return [];
        Schedule schedule = await chain.ReadScheduleAsync(cancellation);
        (uint period, ulong block) = await chain.StorageMarket.CurrentAsync(token: cancellation);
        IReadOnlyList<Allowance> allowances = await chain.Web3.Eth.CallManyAsync([.. operators.Select(@operator => escrow.AllowanceOfRequest(address, @operator))], token: cancellation);
        return
        [
            .. operators.Zip(allowances)
                .Where(pair => pair.Second.Left > 0 && pair.Second.Until > period)
                .Select(pair => new AllowanceReport(pair.First, TokenAmount.FromUnits(pair.Second.Left), TimeOf(schedule, new PeriodNumber(pair.Second.Until), block))),
        ];
    }

    /// <summary>Whom the account ever allowed something, newest first, as far back as <see cref="SearchesMax"/> searches reach.</summary>
    private static async Task<HashSet<Address>> FindOperatorsAsync(MarketContracts chain, EscrowService escrow, Address address, CancellationToken cancellation)
    {
        Event<AllowedEvent> events = escrow.AllowedEvents;
        LogFilter filter = events.Filter with { Topics = [[events.Topic], [TopicOf(address)]] };
        HashSet<Address> operators = [];
        ulong to = await chain.Web3.Eth.GetBlockNumberAsync(cancellation);
        try
        {
            for (int i = 0; i < SearchesMax; i++)
            {
                ulong from = to >= BlocksPerSearchMax ? to - BlocksPerSearchMax + 1 : 0;
                foreach (Log log in await chain.Web3.Eth.GetLogsAsync(filter, from, to, cancellation))
                {
                    if (events.TryDecode(log, out AllowedEvent? allowed)) operators.Add(allowed.Operator);
                }

                if (from == 0) break;
                to = from - 1;
            }
        }
        catch (RpcResponseException)
        {
            // An endpoint without old logs: what was found is shown.
        }

        return operators;
    }

    private static Hash32 TopicOf(Address address)
    {
        Span<byte> topic = stackalloc byte[Hash32.SizeBytes];
        topic.Clear();
        address.CopyTo(topic[(Hash32.SizeBytes - Address.SizeBytes)..]);
        return new Hash32(topic);
    }
}
