using System.CommandLine;
using Marketplace.Cli.Native;
using Marketplace.Commands;
using Marketplace.Commands.Shell;

// Machine code for what a client does. Everything else, help and version, too, is said and done by the program that needs the runtime.
RootCommand market = ClientVerbs.Root();
return CommandLine.NamesVerbOf(market, args) ? await CommandLine.RunAsync(market, args) : WholeProgram.Become(args);
