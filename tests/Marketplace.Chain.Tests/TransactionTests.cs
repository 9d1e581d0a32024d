using System.Numerics;
using System.Text.Json;
using Marketplace.Chain.Accounts;
using Marketplace.Chain.Contracts;
using Marketplace.Chain.Eth;
using Marketplace.Chain.Rpc;
using Marketplace.Chain.Transactions;
using Marketplace.Domain;

namespace Marketplace.Chain.Tests;

[Collection(OnMarketChain.Name)]
public sealed class TransactionTests(MarketChain market)
{
    private const int Senders = 50;

    private static readonly TransactionPolicy s_hasty = new()
    {
        PollInterval = TimeSpan.FromMilliseconds(20),
        BumpAfter = TimeSpan.FromMilliseconds(300),
        Deadline = TimeSpan.FromSeconds(60),
    };

    private static readonly Address s_receiver = Address.Parse("0x00000000000000000000000000000000000000aa");

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Fifty_senders_at_once_all_get_their_own_nonce(bool isAutomine)
    {
        using Account account = await NewAccountAsync();
        Web3 web3 = market.Chain.Connect(account);
        await using (isAutomine ? null : await BlocksEveryAsync(200))
        {
            TransactionReceipt[] receipts = await Task.WhenAll(Enumerable.Range(0, Senders).Select(index => web3.TransactionManager.SendCoinsAsync(s_receiver, index + 1)));

            Assert.All(receipts, static receipt => Assert.True(receipt.Succeeded));
            Assert.Equal(Senders, receipts.Select(static receipt => receipt.TransactionHash).Distinct().Count());
            Assert.Equal((ulong)Senders, await web3.Eth.GetTransactionCountAsync(account.Address));
        }
    }

    [Fact]
    public async Task A_nonce_that_was_used_elsewhere_is_corrected()
    {
        using Account account = await NewAccountAsync();
        Web3 here = market.Chain.Connect(account), elsewhere = market.Chain.Connect(account);
        await here.TransactionManager.SendCoinsAsync(s_receiver, 1);
        await elsewhere.TransactionManager.SendCoinsAsync(s_receiver, 1);
        await elsewhere.TransactionManager.SendCoinsAsync(s_receiver, 1);

        Assert.True((await here.TransactionManager.SendCoinsAsync(s_receiver, 1)).Succeeded);
        Assert.Equal(4UL, await here.Eth.GetTransactionCountAsync(account.Address));
    }

    [Fact]
    public async Task A_transaction_that_nobody_takes_is_sent_again_for_a_higher_fee()
    {
        using Account account = await NewAccountAsync();
        Web3 web3 = market.Chain.Connect(account, s_hasty);
        await market.Chain.SetAutomineAsync(false);
        try
        {
            Task<TransactionReceipt> sending = web3.TransactionManager.SendCoinsAsync(s_receiver, 7);
            BigInteger first = await WaitForOfferAsync(account.Address, 0);
            BigInteger second = await WaitForOfferAsync(account.Address, first);
            await market.Chain.MineAsync();
            TransactionReceipt receipt = await sending;

            Assert.True(second * 10 >= first * 11, "Nodes want 10 % more.");
            Assert.True(receipt.Succeeded);
            Assert.Equal(1UL, await web3.Eth.GetTransactionCountAsync(account.Address));
        }
        finally
        {
            await market.Chain.SetAutomineAsync(true);
        }
    }

    [Fact]
    public async Task A_transaction_in_no_block_ends_at_its_deadline_and_the_next_one_goes_through()
    {
        using Account account = await NewAccountAsync();
        Web3 web3 = market.Chain.Connect(account);
        await market.Chain.SetAutomineAsync(false);
        try
        {
            TransactionTimeoutException e = await Assert.ThrowsAsync<TransactionTimeoutException>(
                () => web3.TransactionManager.SendCoinsAsync(s_receiver, 7, new TransactionOptions { Deadline = TimeSpan.FromMilliseconds(200) }));
            Assert.Equal(0UL, e.Nonce);
            Assert.Single(e.Hashes);
        }
        finally
        {
            await market.Chain.SetAutomineAsync(true);
        }

        await market.Chain.MineAsync();
        Assert.True((await web3.TransactionManager.SendCoinsAsync(s_receiver, 8)).Succeeded);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_was_given_up_for_too_low_a_fee_keeps_nothing_behind_it_from_landing_and_never_lands_itself(bool isSameProcess)
    {
        using Account account = await NewAccountAsync();
        Web3 first = market.Chain.Connect(account), second = isSameProcess ? first : market.Chain.Connect(account, s_hasty with { StuckAfter = TimeSpan.FromMilliseconds(400) });
        Address abandoned = Account.Create().Address, needed = Account.Create().Address;
        await market.Chain.SetAutomineAsync(false);
        try
        {
            await Assert.ThrowsAsync<TransactionTimeoutException>(
                () => first.TransactionManager.SendCoinsAsync(abandoned, 7, new TransactionOptions { Deadline = TimeSpan.FromMilliseconds(200) }));
            // Above what was offered, and it stays there.
            await market.Chain.CallAsync("hardhat_setNextBlockBaseFeePerGas", "0x2e90edd000");
            await market.Chain.MineAsync();

            Task<TransactionReceipt> sending = second.TransactionManager.SendCoinsAsync(needed, 8, new TransactionOptions { Deadline = TimeSpan.FromSeconds(15) });
            while (!sending.IsCompleted)
            {
                await market.Chain.CallAsync("hardhat_setNextBlockBaseFeePerGas", "0x2e90edd000");
                await market.Chain.MineAsync();
                await Task.Delay(100);
            }

            Assert.True((await sending).Succeeded);
            Assert.Equal(0, await first.Eth.GetBalanceAsync(abandoned));
            Assert.Equal(8, await first.Eth.GetBalanceAsync(needed));
            Assert.Equal(2UL, await first.Eth.GetTransactionCountAsync(account.Address));
        }
        finally
        {
            await market.Chain.SetAutomineAsync(true);
            await market.Chain.CallAsync("hardhat_setNextBlockBaseFeePerGas", "0x3b9aca00");
            await market.Chain.MineAsync();
        }
    }

    [Fact]
    public async Task Confirmations_are_waited_for()
    {
        using Account account = await NewAccountAsync();
        Web3 web3 = market.Chain.Connect(account);
        Task<TransactionReceipt> sending = web3.TransactionManager.SendCoinsAsync(s_receiver, 1, new TransactionOptions { Confirmations = 3 });
        while (await web3.Eth.GetTransactionCountAsync(account.Address) == 0) await Task.Delay(20);
        await Task.Delay(200);
        Assert.False(sending.IsCompleted);
        await market.Chain.MineAsync(2);

        TransactionReceipt receipt = await sending;

        Assert.True(await web3.Eth.GetBlockNumberAsync() >= receipt.Block.Number + 2);
    }

    [Fact]
    public async Task A_call_that_the_contract_refuses_is_not_sent_and_says_why_in_types()
    {
        using Account account = await NewAccountAsync();
        MarketContracts contracts = new(market.Chain.Connect(account), market.Deployment);

        ContractRevertException e = await Assert.ThrowsAsync<ContractRevertException>(() => contracts.Escrow.WithdrawAsync(account.Address, 5_000_000_000));

        Assert.Equal(new EscrowNotEnoughError(account.Address, 0, 5), e.Error);
        Assert.Equal($"Escrow.withdraw was refused by the contract: Escrow_NotEnough(account: {account.Address}, free: 0, needed: 5)", e.Message);
        Assert.Null(e.TransactionHash);
        Assert.Equal(0UL, await contracts.Web3.Eth.GetTransactionCountAsync(account.Address));
    }

    [Fact]
    public async Task An_error_of_a_library_inside_of_a_contract_is_known_too()
    {
        using Account account = await NewAccountAsync();
        MarketContracts contracts = new(market.Chain.Connect(account), market.Deployment);

        ContractRevertException e = await Assert.ThrowsAsync<ContractRevertException>(() => contracts.Token.TransferAsync(s_receiver, 1));

        Assert.Equal(new ERC20InsufficientBalanceError(account.Address, 0, 1), e.Error);
    }

    [Fact]
    public async Task A_revert_in_a_block_says_why_and_where()
    {
        using Account account = await NewAccountAsync();
        MarketContracts contracts = new(market.Chain.Connect(account), market.Deployment);

        ContractRevertException e = await Assert.ThrowsAsync<ContractRevertException>(
            () => contracts.Escrow.WithdrawAsync(account.Address, 5_000_000_000, new TransactionOptions { GasLimit = 200_000 }));

        Assert.IsType<EscrowNotEnoughError>(e.Error);
        TransactionReceipt? receipt = await contracts.Web3.Eth.GetTransactionReceiptAsync(e.TransactionHash!.Value);
        Assert.False(receipt!.Succeeded);
        Assert.True((await contracts.Web3.TransactionManager.SendCoinsAsync(s_receiver, 1)).Succeeded);
    }

    [Fact]
    public async Task Without_coins_for_gas_the_error_is_clear()
    {
        using Account account = Account.Create();
        Web3 web3 = market.Chain.Connect(account);

        RpcResponseException e = await Assert.ThrowsAsync<RpcResponseException>(() => web3.TransactionManager.SendCoinsAsync(s_receiver, 1));

        Assert.Contains("funds", e.Message, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void A_connection_without_account_does_not_send() =>
        Assert.Throws<InvalidOperationException>(() => market.Chain.Connect(account: null).TransactionManager);

    private async Task<Account> NewAccountAsync()
    {
        Account account = Account.Create();
        await market.Chain.SetBalanceAsync(account.Address, BigInteger.Pow(10, 20));
        return account;
    }

    private async Task<IAsyncDisposable> BlocksEveryAsync(uint milliseconds)
    {
        await market.Chain.SetAutomineAsync(false);
        await market.Chain.SetIntervalMiningAsync(milliseconds);
        return new Restore(market);
    }

    /// <summary>The fee that the sender's waiting transaction offers, once it is more than <paramref name="above"/>.</summary>
    private async Task<BigInteger> WaitForOfferAsync(Address sender, BigInteger above)
    {
        for (int i = 0; i < 500; i++)
        {
            JsonElement block = await market.Chain.CallAsync("eth_getBlockByNumber", "pending", true);
            foreach (JsonElement transaction in block.GetProperty("transactions").EnumerateArray())
            {
                if (!Address.TryParse(transaction.GetProperty("from").GetString(), null, out Address from) || from != sender) continue;
                BigInteger offer = BigInteger.Parse("0" + transaction.GetProperty("maxFeePerGas").GetString()![2..], System.Globalization.NumberStyles.AllowHexSpecifier);
                if (offer > above) return offer;
            }

            await Task.Delay(20);
        }

        throw new TimeoutException("No transaction with a higher fee came.");
    }

    private sealed class Restore(MarketChain market) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await market.Chain.SetIntervalMiningAsync(0);
            await market.Chain.SetAutomineAsync(true);
        }
    }
}
