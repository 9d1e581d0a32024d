using System.Numerics;
using Marketplace.Chain;
using Marketplace.Chain.Abi;
using Marketplace.Chain.Accounts;
using Marketplace.Chain.Contracts;
using Marketplace.Chain.Crypto;
using Marketplace.Chain.Eth;
using Marketplace.Chain.TypedData;
using Marketplace.Commands.Homes;
using Marketplace.Domain;

namespace Marketplace.Commands.Money;

/// <summary>Deposits in one transaction with an EIP-2612 signature, or in two with an approval where the token cannot take one.</summary>
internal static class Permits
{
    private const string NameAbi = """[{"type":"function","name":"name","stateMutability":"view","inputs":[],"outputs":[{"name":"","type":"string"}]}]""";
    private const string PermitVersion = "1";

    // How long a block may take to come; the signature is worth nothing afterwards.
    private static readonly TimeSpan s_validity = TimeSpan.FromHours(1);

    private static readonly AbiTuple s_permit = new(
        [
            new AbiParameter("owner", AbiType.Parse("address")),
            new AbiParameter("spender", AbiType.Parse("address")),
            new AbiParameter("value", AbiType.Parse("uint256")),
            new AbiParameter("nonce", AbiType.Parse("uint256")),
            new AbiParameter("deadline", AbiType.Parse("uint256")),
        ],
        "Permit");

    /// <summary>Moves tokens of <paramref name="account"/> into escrow.</summary>
    public static async Task<TransactionReceipt> DepositAsync(MarketContracts chain, Account account, TokenAmount amount, CancellationToken cancellation)
    {
        TokenService token = chain.Token;
        EscrowService escrow = chain.Escrow;
        BigInteger value = amount.BaseUnits;
        string name = await chain.Web3.GetContract(NameAbi, token.Address).GetFunction("name").CallAsync<string>();
        var domain = new TypedDomain(name, PermitVersion, chain.ChainId, token.Address);
        BigInteger nonce = await token.NoncesAsync(account.Address, token: cancellation);
        Block latest = await chain.Web3.Eth.GetLatestBlockAsync(cancellation);
        BigInteger deadline = latest.UnixSeconds + (ulong)s_validity.TotalSeconds;
        var permit = new TypedMessage(domain, s_permit, account.Address, escrow.Address, value, nonce, deadline);
        if (permit.DomainSeparator() == await token.DomainSeparatorAsync(token: cancellation))
        {
            EthSignature signature = account.SignTypedData(permit);
            return await escrow.DepositWithPermitAsync(value, deadline, signature.V, signature.R, signature.S, token: cancellation);
        }

        await token.ApproveAsync(escrow.Address, value, token: cancellation);
        return await escrow.DepositAsync(value, token: cancellation);
    }
}
