using System.CommandLine;
using Marketplace.Cli.Devnet;
using Marketplace.Cli.Roles;
using Marketplace.Cli.SignIn;
using Marketplace.Commands;
using Marketplace.Commands.Shell;

RootCommand market = ClientVerbs.Root();
IEnumerable<Command> verbs = [LoginVerb.Create(), NodeVerbs.Group(), KeeperVerbs.Group(), GatewayVerbs.Group(), DevnetVerbs.Group()];
foreach (Command verb in verbs) market.Add(verb);

return await CommandLine.RunAsync(market, args);
