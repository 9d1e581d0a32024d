using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Runtime.InteropServices;
using Marketplace.Domain;

namespace Marketplace.Commands.Shell;

/// <summary>Runs a command line: parses, explains, and ends with the fixed exit codes. Nothing that a verb throws gets past it.</summary>
internal static class CommandLine
{
    /// <summary>Runs <paramref name="words"/>; returns the exit code.</summary>
    public static async Task<int> RunAsync(RootCommand root, string[] words)
    {
        AddExamplesToHelp(root);
        bool json = GlobalOptions.WantsJson(words);
        ParseResult parsed = Parse(root, words);
        if (parsed.Action is ParseErrorAction)
        {
            string line = parsed.Errors.Count > 0 ? parsed.Errors[0].Message : "This is not a command.";
            return new Output(json).Fail(new MarketException(MarketErrorCode.Usage, line.TrimEnd('.'), $"see '{FullName(parsed.CommandResult.Command)} --help'"));
        }

        using var stop = new StopSignals();
        try
        {
            // The default handler would print stack traces, the default timeout would cut a clean stop short.
            var configuration = new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };
            return await parsed.InvokeAsync(configuration, stop.Token);
        }
        catch (Exception exception)
        {
            return new Output(json).Fail(exception);
        }
    }

    /// <summary>Whether <paramref name="words"/> name a verb of <paramref name="root"/>, rightly used or not.</summary>
    public static bool NamesVerbOf(RootCommand root, string[] words) => Parse(root, words).CommandResult.Command is not RootCommand;

    /// <summary>Runs the body of a verb and turns what it throws into the answer of a failure.</summary>
    public static async Task<int> RunVerbAsync(ParseResult parsed, Func<VerbRun, Task<int>> body, CancellationToken cancellation)
    {
        var output = new Output(parsed.GetValue(GlobalOptions.Json));
        try
        {
            return await body(new VerbRun(parsed, output, cancellation));
        }
        catch (Exception exception)
        {
            return output.Fail(exception);
        }
    }

    private static ParseResult Parse(RootCommand root, string[] words) => root.Parse(words, new ParserConfiguration { ResponseFileTokenReplacer = null });

    private static string FullName(Command command)
    {
        var names = new Stack<string>();
        for (Command? at = command; at is not null; at = at.Parents.OfType<Command>().FirstOrDefault()) names.Push(at is RootCommand ? "market" : at.Name);
        return string.Join(' ', names);
    }

    private static void AddExamplesToHelp(RootCommand root)
    {
        foreach (HelpOption help in root.Options.OfType<HelpOption>())
        {
            if (help.Action is HelpAction inner) help.Action = new HelpWithExamples(inner);
        }
    }

    private sealed class HelpWithExamples(HelpAction inner) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            int exitCode = inner.Invoke(parseResult);
            if (parseResult.CommandResult.Command is not IExplained { Examples.Count: > 0 } explained) return exitCode;
            TextWriter output = parseResult.InvocationConfiguration.Output;
            output.WriteLine("Examples:");
            foreach (string example in explained.Examples) output.WriteLine("  " + example);
            output.WriteLine();
            return exitCode;
        }
    }

    /// <summary>Ctrl-C and SIGTERM ask for a clean stop; a second one ends the process at once.</summary>
    private sealed class StopSignals : IDisposable
    {
        private const int ExitCodeOfInterrupted = 130;

        private readonly CancellationTokenSource _stop = new();
        private readonly PosixSignalRegistration[] _registrations;

        public StopSignals() => _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal),
        ];

        public CancellationToken Token => _stop.Token;

        public void Dispose()
        {
            foreach (PosixSignalRegistration registration in _registrations) registration.Dispose();
            _stop.Dispose();
        }

        private void OnSignal(PosixSignalContext context)
        {
            context.Cancel = true;
            if (_stop.IsCancellationRequested) Environment.Exit(ExitCodeOfInterrupted);
            _stop.Cancel();
        }
    }
}
