using System.CommandLine;
using Marketplace.Cli.Devnet;
using Marketplace.Cli.Money;
using Marketplace.Cli.Objects;
using Marketplace.Cli.Shell;
using Marketplace.Cli.Wallet;

var market = new RootCommand("Keep files with strangers who prove that they hold them.")
{
    WalletVerbs.Group(),
    DevnetVerbs.Group(),
};
foreach (Command verb in ObjectVerbs.All()) market.Add(verb);
foreach (Command verb in MoneyVerbs.All()) market.Add(verb);

return await CommandLine.RunAsync(market, args);
