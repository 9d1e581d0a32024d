using Marketplace.Chain.Crypto;

namespace Marketplace.Gateway.SignIn;

/// <summary>What became of a sign-in: a client and a token, or a refusal, or "later".</summary>
public abstract record SignInOutcome
{
    private SignInOutcome()
    {
    }

    /// <summary>The account is proved.</summary>
    public sealed record SignedIn(GatewayClient Client, MintedToken Token) : SignInOutcome;

    /// <summary>It is not.</summary>
    public sealed record Refused(SignInRefusal Reason) : SignInOutcome;

    /// <summary>Too many signed in at once.</summary>
    public sealed record Busy : SignInOutcome;
}

/// <summary>Turns a signed message into a token, once.</summary>
public sealed class SignInDesk(SignInRules rules, NonceDesk nonces, TokenMint mint, TimeProvider time)
{
    /// <summary>What messages must say.</summary>
    public SignInRules Rules => rules;

    /// <summary>A nonce to sign.</summary>
    public GivenNonce GiveNonce() => nonces.Give();

    /// <summary>
    /// Checks form, then what it is for, then who signed, and spends the nonce last: a message that fails spends nothing, so nobody can burn
    /// another's nonce without its signature.
    /// </summary>
    public SignInOutcome SignIn(string? text, string? signatureText)
    {
        if (!SignInMessage.TryParse(text, out SignInMessage? message)) return new SignInOutcome.Refused(SignInRefusal.Malformed);
        if (rules.Check(message, time.GetUtcNow()) is { } refusal) return new SignInOutcome.Refused(refusal);
        if (!EthSignature.TryParse(signatureText, out EthSignature signature) ||
            !SignedMessage.TryRecover(text!, signature, out Domain.Address signer) || signer != message.Address)
        {
            return new SignInOutcome.Refused(SignInRefusal.WrongSignature);
        }

        switch (nonces.Spend(message.Nonce))
        {
            case NonceVerdict.Spent:
                break;
            case NonceVerdict.Expired:
                return new SignInOutcome.Refused(SignInRefusal.Expired);
            case NonceVerdict.Full:
                return new SignInOutcome.Busy();
            default:
                return new SignInOutcome.Refused(SignInRefusal.WrongNonce);
        }

        _ = SignInRules.TryReadSealTo(message, out byte[]? sealTo);
        var client = new GatewayClient(message.Address, sealTo);
        return new SignInOutcome.SignedIn(client, mint.Mint(client));
    }
}
