using System.CommandLine;
using System.Globalization;
using System.Numerics;
using Marketplace.Chain;
using Marketplace.Chain.Accounts;
using Marketplace.Chain.Contracts;
using Marketplace.Chain.Eth;
using Marketplace.Commands.Homes;
using Marketplace.Commands.Shell;
using Marketplace.Commands.Wallet;
using Marketplace.Client.Json;
using Marketplace.Domain;

namespace Marketplace.Commands.Money;

/// <summary>What <c>deposit</c> and <c>withdraw</c> answer: how much moved, and what is free in escrow now.</summary>
internal sealed record MovedReport(Address Address, TokenAmount Amount, TokenAmount Free, TokenAmount Wallet, Hash32 Transaction);

/// <summary>What <c>allow</c> answers.</summary>
internal sealed record AllowedReport(Address Operator, TokenAmount Left, DateTimeOffset Until, PeriodNumber UntilPeriod, Hash32 Transaction);

/// <summary><c>market deposit|withdraw|balance|allow</c>.</summary>
internal static class MoneyVerbs
{
    public static IEnumerable<Command> All() => [Deposit(), Withdraw(), Balance(), Allow()];

    private static Verb Deposit()
    {
        Argument<TokenAmount> amount = Words.Argument<TokenAmount>("AMOUNT", "Tokens, such as 12 or 0.5.");
        return new Verb("deposit", "Move tokens from the wallet into escrow, where deals lock them.") { amount }
            .Example("deposit 10")
            .Runs(run => DepositAsync(run, run.Get(amount)));
    }

    private static Verb Withdraw()
    {
        Argument<TokenAmount> amount = Words.Argument<TokenAmount>("AMOUNT", "Tokens, such as 12 or 0.5.");
        return new Verb("withdraw", "Move free tokens from escrow back into the wallet.") { amount }
            .Example("withdraw 2.5")
            .Runs(run => WithdrawAsync(run, run.Get(amount)));
    }

    private static Verb Balance() => new Verb("balance", "Show tokens in the wallet and in escrow, coins for gas, and allowances.")
        .Example("balance --json")
        .Runs(BalanceAsync);

    private static Verb Allow()
    {
        Argument<Address> @operator = Words.Argument<Address>("OPERATOR", "Who may lock: a gateway's address.");
        Argument<TokenAmount> amount = Words.Argument<TokenAmount>("AMOUNT", "Tokens that may be locked in all; 0 ends what was allowed.");
        Option<DurationWord> duration = Words.Duration("--for", "How long; rounded up to whole periods.", TimeSpan.FromDays(30));
        return new Verb("allow", "Let an operator lock tokens for your deals. Replaces what it was allowed before.") { @operator, amount, duration }
            .Example("allow 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 5 --for 30d")
            .Runs(run => AllowAsync(run, run.Get(@operator), run.Get(amount), run.Get(duration).Value));
    }

    private static async Task DepositAsync(VerbRun run, TokenAmount amount)
    {
        CheckWholeUnits(amount);
        using Account account = run.OpenAccount();
        using MarketContracts chain = await run.ConnectAsync(account);
        TokenAmount wallet = Tokens(await chain.Token.BalanceOfAsync(account.Address, token: run.Cancellation));
        if (wallet < amount) throw Short(amount - wallet, $"The wallet has {wallet} tokens, not {amount}", HintForTokens(run, account.Address));
        TransactionReceipt receipt = await Permits.DepositAsync(chain, account, amount, run.Cancellation);
        await WriteMovedAsync(run, chain, account.Address, amount, receipt, "deposited");
    }

    private static async Task WithdrawAsync(VerbRun run, TokenAmount amount)
    {
        CheckWholeUnits(amount);
        using Account account = run.OpenAccount();
        using MarketContracts chain = await run.ConnectAsync(account);
        TokenAmount free = TokenAmount.FromUnits((await chain.Escrow.AccountOfAsync(account.Address, token: run.Cancellation)).Free);
        if (free < amount) throw Short(amount - free, $"{free} tokens are free in escrow, not {amount}", "what deals have locked comes back when they end");
        TransactionReceipt receipt = await chain.Escrow.WithdrawAsync(account.Address, amount.BaseUnits, token: run.Cancellation);
        await WriteMovedAsync(run, chain, account.Address, amount, receipt, "withdrawn");
    }

    private static async Task BalanceAsync(VerbRun run)
    {
        Address address = run.ReadAddress();
        using MarketContracts chain = await run.ConnectAsync();
        BalanceReport report = await Balances.ReadAsync(chain, address, run.Cancellation);
        run.Output.Write(report, text =>
        {
            text.Pairs(
                ("address", report.Address.ToString()),
                ("wallet", report.Wallet + " tokens"),
                ("free", report.Free + " tokens in escrow"),
                ("locked", report.Locked + " tokens behind deals"),
                ("gas", report.Gas + " coins"));
            if (report.Allowances.Count == 0) return;
            text.Line("");
            text.Table(
                ["operator", ">may lock", "until"],
                report.Allowances.Select(allowance => (IEnumerable<string?>)[allowance.Operator.ToString(), allowance.Left.ToString(), TimeOf(allowance.Until)]));
        });
    }

    private static async Task AllowAsync(VerbRun run, Address @operator, TokenAmount amount, TimeSpan duration)
    {
        CheckWholeUnits(amount, zero: true);
        if (amount.Units > ulong.MaxValue) throw new MarketException(MarketErrorCode.Usage, $"{amount} tokens are more than an allowance can hold");
        using Account account = run.OpenAccount();
        using MarketContracts chain = await run.ConnectAsync(account);
        Schedule schedule = await chain.ReadScheduleAsync(run.Cancellation);
        (uint period, ulong block) = await chain.StorageMarket.CurrentAsync(token: run.Cancellation);

        // The running period is partly over, so it does not count.
        PeriodNumber until = new PeriodNumber(period) + schedule.PeriodsIn(duration) + 1;
        TransactionReceipt receipt = await chain.Escrow.AllowAsync(@operator, (ulong)amount.Units, until.Value, 0, 0, 0, token: run.Cancellation);
        var report = new AllowedReport(@operator, amount, Balances.TimeOf(schedule, until, block), until, receipt.TransactionHash);
        run.Output.Write(report, text => text.Line(amount == TokenAmount.Zero
            ? $"{@operator} may lock nothing any more"
            : $"{@operator} may lock up to {amount} tokens until {TimeOf(report.Until)} (before period {until})"));
    }

    private static async Task WriteMovedAsync(VerbRun run, MarketContracts chain, Address address, TokenAmount amount, TransactionReceipt receipt, string verb)
    {
        BigInteger wallet = await chain.Token.BalanceOfAsync(address, token: run.Cancellation);
        EscrowAccount account = await chain.Escrow.AccountOfAsync(address, token: run.Cancellation);
        var report = new MovedReport(address, amount, TokenAmount.FromUnits(account.Free), Tokens(wallet), receipt.TransactionHash);
        run.Output.Write(report, text => text.Line($"{amount} tokens {verb}: {report.Free} free in escrow, {report.Wallet} in the wallet"));
    }

    private static string HintForTokens(VerbRun run, Address address) => run.Home.Devnet is null
        ? $"send tokens to {address}"
        : $"market devnet fund {address}";

    private static void CheckWholeUnits(TokenAmount amount, bool zero = false)
    {
        if (amount.BaseUnits % TokenAmount.BaseUnitsPerUnit != 0)
            throw new MarketException(MarketErrorCode.Usage, $"{amount} is finer than escrow counts", "write at most 9 decimals");
        if (amount == TokenAmount.Zero && !zero) throw new MarketException(MarketErrorCode.Usage, "Nothing is to be moved", "write an amount above 0");
    }

    private static MarketException Short(TokenAmount missing, string message, string hint) =>
        new(MarketErrorCode.InsufficientFunds, message, hint) { Missing = missing };

    private static TokenAmount Tokens(BigInteger baseUnits) => new((UInt128)baseUnits);

    private static string? TimeOf(DateTimeOffset? time) => time?.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture);
}
