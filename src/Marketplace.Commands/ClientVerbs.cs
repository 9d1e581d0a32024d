using System.CommandLine;
using Marketplace.Commands.Money;
using Marketplace.Commands.Objects;
using Marketplace.Commands.Shell;
using Marketplace.Commands.Wallet;

namespace Marketplace.Commands;

/// <summary>What a client does: <c>market</c> without those who run a part of the network.</summary>
internal static class ClientVerbs
{
    /// <summary>The command <c>market</c> with the client's verbs.</summary>
    public static RootCommand Root()
    {
        var market = new RootCommand("Keep files with strangers who prove that they hold them.");
        IEnumerable<Command> verbs = [WalletVerbs.Group(), .. MoneyVerbs.All(), .. ObjectVerbs.All()];
        foreach (Command verb in verbs) market.Add(verb);
        GlobalOptions.AddTo(market);
        return market;
    }
}
