using System.CommandLine;
using Marketplace.Cli.Devnet;
using Marketplace.Cli.Money;
using Marketplace.Cli.Objects;
using Marketplace.Cli.Roles;
using Marketplace.Cli.Shell;
using Marketplace.Cli.SignIn;
using Marketplace.Cli.Wallet;

var market = new RootCommand("Keep files with strangers who prove that they hold them.");
IEnumerable<Command> verbs =
[
    WalletVerbs.Group(),
    .. MoneyVerbs.All(),
    LoginVerb.Create(),
    .. ObjectVerbs.All(),
    NodeVerbs.Group(),
    KeeperVerbs.Group(),
    GatewayVerbs.Group(),
    DevnetVerbs.Group(),
];
foreach (Command verb in verbs) market.Add(verb);

return await CommandLine.RunAsync(market, args);
