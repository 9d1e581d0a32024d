using System.CommandLine;
using Marketplace.Cli.Shell;

var market = new RootCommand("Keep files with strangers who prove that they hold them.");

return await CommandLine.RunAsync(market, args);
