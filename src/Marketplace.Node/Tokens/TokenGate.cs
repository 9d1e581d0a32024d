using System.Collections.Concurrent;
using Marketplace.Domain;
using Marketplace.Network;
using Microsoft.AspNetCore.Http;

namespace Marketplace.Node;

/// <summary>Tells on whose behalf a request is made. A token's signature is checked once and remembered until it expires.</summary>
internal sealed class TokenGate(NodeChain chain, NodeLimits limits, TimeProvider time)
{
    private readonly ChainMessageVerifier _verifier = new();
    private readonly ConcurrentDictionary<string, (Address Client, DateTimeOffset Until)> _known = new(StringComparer.Ordinal);

    /// <summary>The client that the request's token speaks for, or null if there is no token that is good here and now.</summary>
    public async ValueTask<Address?> ClientOfAsync(HttpRequest request, CancellationToken token)
    {
        string? header = request.Headers.Authorization;
        if (header is null || !header.StartsWith(MarketToken.Scheme + " ", StringComparison.OrdinalIgnoreCase)) return null;
        string text = header[(MarketToken.Scheme.Length + 1)..].Trim();
        DateTimeOffset now = time.GetUtcNow();
        if (_known.TryGetValue(text, out (Address Client, DateTimeOffset Until) known) && now < known.Until) return known.Client;

        if (!MarketToken.TryVerify(text, _verifier, chain.Facts.Scope, chain.Node, now, out MarketToken read)) return null;
        DateTimeOffset until = read.ExpiresAt;
        if (read.Signer != read.Client)
        {
            if (!await chain.MayActAsync(read.Client, read.Signer, token)) return null;
            if (until > now + limits.OperatorCheckLife) until = now + limits.OperatorCheckLife;
        }

        // Forgetting all now and then costs a signature check each, and keeps strangers from filling the memory.
        if (_known.Count >= limits.TokensRememberedMax) _known.Clear();
        _known[text] = (read.Client, until);
        return read.Client;
    }
}
