using System.CommandLine;
using Marketplace.Commands.Homes;
using Marketplace.Commands.Settings;

namespace Marketplace.Commands.Shell;

/// <summary>One call of a verb: what was said on the command line, what is set elsewhere, and where the answer goes.</summary>
internal sealed class VerbRun
{
    private readonly ParseResult _parsed;
    private readonly Lazy<MarketHome> _home;

    public VerbRun(ParseResult parsed, Output output, CancellationToken cancellation)
    {
        _parsed = parsed;
        Output = output;
        Cancellation = cancellation;
        _home = new Lazy<MarketHome>(() => MarketHome.Find(flag => GlobalOptions.ValueOf(_parsed, flag), SettingSources.Environment));
    }

    /// <summary>Where the answer goes.</summary>
    public Output Output { get; }

    /// <summary>Ends with Ctrl-C and SIGTERM.</summary>
    public CancellationToken Cancellation { get; }

    /// <summary>The home that this call uses, with its settings, devnet and wallet. Found on first use.</summary>
    public MarketHome Home => _home.Value;

    /// <summary>The settings in force.</summary>
    public MarketSettings Settings => Home.Settings;

    /// <summary>The value of an argument that must be there.</summary>
    public T Get<T>(Argument<T> argument) => _parsed.GetRequiredValue(argument);

    /// <summary>The value of an option, or its default.</summary>
    public T? Get<T>(Option<T> option) => _parsed.GetValue(option);

    /// <summary>The value of an option that is required or has a default.</summary>
    public T GetRequired<T>(Option<T> option) => _parsed.GetRequiredValue(option);

    /// <summary>Whether the option was written on the command line.</summary>
    public bool Has(Option option) => _parsed.GetResult(option) is { Implicit: false };
}
