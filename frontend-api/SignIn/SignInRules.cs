namespace Marketplace.Gateway.SignIn;

/// <summary>Why a sign-in is refused. The names, in camelCase, are the <c>reason</c> in the answer.</summary>
public enum SignInRefusal
{
    /// <summary>The text is no EIP-4361 message, or a resource of ours in it is wrong.</summary>
    Malformed,

    /// <summary>It was signed for another site.</summary>
    WrongDomain,

    /// <summary>It was signed for another address below the site, or another scheme.</summary>
    WrongUri,

    /// <summary>It was signed for another chain.</summary>
    WrongChain,

    /// <summary>The nonce was not given here, or was spent before.</summary>
    WrongNonce,

    /// <summary>The message, or its nonce, is too old.</summary>
    Expired,

    /// <summary>The message is from the future.</summary>
    NotYetValid,

    /// <summary>The signature is not by the account that the message names.</summary>
    WrongSignature,
}

/// <summary>What a message must say to be for this gateway: pure, so that every refusal can be tried.</summary>
/// <param name="Url">The gateway's address as clients are given it: scheme and authority, no slash at the end.</param>
/// <param name="ChainId">Its chain.</param>
public sealed record SignInRules(Uri Url, ulong ChainId)
{
    /// <summary>How far in the future a client's clock may be.</summary>
    public static readonly TimeSpan ClockSkewMax = TimeSpan.FromMinutes(1);

    /// <summary>How old a message may be.</summary>
    public static readonly TimeSpan AgeMax = TimeSpan.FromMinutes(10);

    /// <summary>The authority that messages must be for.</summary>
    public string Domain => Url.Authority;

    /// <summary>The address that messages must be for, or be below.</summary>
    public string Origin => $"{Url.Scheme}://{Url.Authority}";

    /// <summary>Null if the message is for this gateway, this chain and this moment. The nonce and the signature are checked elsewhere.</summary>
    public SignInRefusal? Check(SignInMessage message, DateTimeOffset now)
    {
        if (!string.Equals(message.Domain, Domain, StringComparison.OrdinalIgnoreCase)) return SignInRefusal.WrongDomain;
        if (message.Scheme is { } scheme && !string.Equals(scheme, Url.Scheme, StringComparison.OrdinalIgnoreCase)) return SignInRefusal.WrongDomain;
        if (message.Uri != Origin && !message.Uri.StartsWith(Origin + "/", StringComparison.Ordinal)) return SignInRefusal.WrongUri;
        if (message.ChainId != ChainId) return SignInRefusal.WrongChain;
        if (message.IssuedAt.Value > now + ClockSkewMax) return SignInRefusal.NotYetValid;
        if (message.NotBefore is { } notBefore && notBefore.Value > now) return SignInRefusal.NotYetValid;
        if (message.IssuedAt.Value + AgeMax <= now) return SignInRefusal.Expired;
        if (message.ExpirationTime is { } expiration && expiration.Value <= now) return SignInRefusal.Expired;
        return TryReadSealTo(message, out _) ? null : SignInRefusal.Malformed;
    }

    /// <summary>
    /// The X25519 public key that the client wants its files sealed to; null if the message names none.
    /// False if it names more than one, or something that is no such key.
    /// </summary>
    public static bool TryReadSealTo(SignInMessage message, out byte[]? key)
    {
        key = null;
        foreach (string resource in message.Resources ?? [])
        {
            if (!resource.StartsWith(SignInMessage.SealToPrefix, StringComparison.Ordinal)) continue;
            if (key is not null || !SealKeys.TryRead(resource.AsSpan(SignInMessage.SealToPrefix.Length), out key)) return false;
        }

        return true;
    }
}
