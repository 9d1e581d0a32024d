using System.Collections.Concurrent;
using Marketplace.Domain;

namespace Marketplace.Node;

/// <summary>
/// Whether a client could pay for what it uploads. The chain is not asked again for a moment when the last answer was enough; what is
/// promised is weighed by the chain's newest word all the same (<see cref="AcceptanceEndpoint"/>).
/// </summary>
internal sealed class ClientFunds(NodeChain chain, NodeLimits limits, TimeProvider time)
{
    private readonly ConcurrentDictionary<Address, (UInt128 Units, DateTimeOffset Until)> _known = new();

    /// <summary>Whether the client's free money comes to so many units.</summary>
    public async ValueTask<bool> SufficeAsync(Address client, UInt128 units, CancellationToken token)
    {
        if (_known.TryGetValue(client, out (UInt128 Units, DateTimeOffset Until) known) && known.Units >= units && time.GetUtcNow() < known.Until) return true;
        UInt128 free = await chain.FreeUnitsAsync(client, token);
        // As with tokens: forgetting all now and then keeps strangers from filling the memory.
        if (_known.Count >= limits.TokensRememberedMax) _known.Clear();
        _known[client] = (free, time.GetUtcNow() + limits.FundsCheckLife);
        return free >= units;
    }
}
