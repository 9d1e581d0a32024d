using System.CommandLine;

namespace Marketplace.Commands.Shell;

/// <summary>
/// One verb of <c>market</c>: its arguments, examples for <c>--help</c>, and what it does.
/// A verb throws to fail; <see cref="CommandLine"/> turns what it throws into one line and an exit code.
/// </summary>
internal sealed class Verb(string name, string description) : Command(name, description), IExplained
{
    private readonly List<string> _examples = [];

    /// <inheritdoc />
    public IReadOnlyList<string> Examples => _examples;

    /// <summary>Adds a line for <c>--help</c>, without the leading <c>market</c>.</summary>
    public Verb Example(string line)
    {
        _examples.Add("market " + line);
        return this;
    }

    /// <summary>What the verb does; the number is its exit code, 0 only for complete success.</summary>
    public Verb Runs(Func<VerbRun, Task<int>> body)
    {
        SetAction((parsed, cancellation) => CommandLine.RunVerbAsync(parsed, body, cancellation));
        return this;
    }

    /// <summary>What the verb does, with exit code 0 if it returns.</summary>
    public Verb Runs(Func<VerbRun, Task> body) => Runs(async run =>
    {
        await body(run);
        return 0;
    });
}

/// <summary>A word that only leads to verbs, such as <c>market wallet</c>.</summary>
internal sealed class VerbGroup(string name, string description) : Command(name, description);

/// <summary>Something whose help shows examples.</summary>
internal interface IExplained
{
    /// <summary>Whole command lines.</summary>
    IReadOnlyList<string> Examples { get; }
}
