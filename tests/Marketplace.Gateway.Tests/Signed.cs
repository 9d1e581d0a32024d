using System.Security.Cryptography;
using Marketplace.Chain.Accounts;
using Marketplace.Gateway.SignIn;
using NSec.Cryptography;

namespace Marketplace.Gateway.Tests;

/// <summary>Messages as a client's wallet writes and signs them.</summary>
internal static class Signed
{
    /// <summary>A message that the gateway takes, for a nonce that it gave.</summary>
    public static SignInMessage Message(Account account, SignInRules rules, GivenNonce nonce, byte[]? sealTo = null) =>
        new(rules.Domain, account.Address, rules.Origin, rules.ChainId, nonce.Text, new SignInTime(nonce.IssuedAt))
        {
            Statement = "Store and read files through this gateway, paid from what I allow it on chain.",
            ExpirationTime = new SignInTime(nonce.ExpiresAt),
            Resources = sealTo is null ? null : [SignInMessage.SealToPrefix + SealKeys.ToText(sealTo)],
        };

    /// <summary>A public key that nobody has the other half of.</summary>
    public static byte[] SealKey()
    {
        using Key key = Key.Create(KeyAgreementAlgorithm.X25519);
        return key.PublicKey.Export(KeyBlobFormat.RawPublicKey);
    }

    /// <summary>Bytes that differ from call to call of a test, but not from run to run.</summary>
    public static byte[] Bytes(int count, int seed = 1)
    {
        byte[] bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>A key for tokens.</summary>
    public static byte[] TokenKey() => RandomNumberGenerator.GetBytes(TokenMint.KeyBytes);
}
