using System.Text;
using Marketplace.Client.Json;
using Marketplace.Domain;
using Spectre.Console;

namespace Marketplace.Commands.Shell;

/// <summary>
/// Where a verb's answer goes. With <c>--json</c> standard output carries exactly one JSON object; without it, text and tables.
/// Notes and progress go to standard error, progress only to a terminal.
/// </summary>
internal sealed class Output
{
    // Wide enough that no cell of a table wraps when the output goes to a file or another program.
    private const int WidthOfFiles = 512;

    private readonly IAnsiConsole _text;
    private readonly IAnsiConsole _notes;

    public Output(bool json)
    {
        Json = json;
        _text = ConsoleOn(Console.Out, Console.IsOutputRedirected);
        _notes = ConsoleOn(Console.Error, Console.IsErrorRedirected);
    }

    /// <summary>Whether the answer is JSON.</summary>
    public bool Json { get; }

    /// <summary>The answer: one object for programs, or the same for people.</summary>
    /// <typeparam name="T">The report; its public properties are the JSON.</typeparam>
    public void Write<T>(T report, Action<TextOutput> text)
    {
        if (Json) Console.Out.WriteLine(MarketJson.Write(report, CommandJson.Line));
        else text(new TextOutput(_text));
    }

    /// <summary>Ends an answer that was written: 0, or the exit code of why it is less than what was asked for, and one line about it.</summary>
    public int Finish(ErrorDetail? error)
    {
        if (error is null) return 0;
        var failure = new MarketException(MarketException.CodeOf(error.Code), error.Message, error.Hint) { Missing = error.Missing };
        Note(Failure.Line(failure));
        return (int)failure.Code;
    }

    /// <summary>A line on standard error for people: what is being done. Not part of the answer.</summary>
    public void Note(string line)
    {
        if (!Json) Console.Error.WriteLine(line);
    }

    /// <summary>Asks at the terminal for an option that was not said, again until the answer is one.</summary>
    /// <exception cref="MarketException">Nobody is there to answer.</exception>
    public T Ask<T>(string option, string question, string otherwise, Func<string, T> parse)
    {
        if (Json || Console.IsInputRedirected || Console.IsErrorRedirected)
        {
            throw new MarketException(MarketErrorCode.Usage, $"Option '{option}' is required.", "Without a terminal to ask at, everything is said by options: see --help.");
        }

        TextPrompt<string> prompt = new TextPrompt<string>(question + ":").AllowEmpty().Validate(text => Tried(() => parse(text)) is { } why ? ValidationResult.Error(why) : ValidationResult.Success());
        if (otherwise.Length > 0) prompt = prompt.DefaultValue(otherwise);
        return parse(_notes.Prompt(prompt));
    }

    /// <summary>Shows bars while <paramref name="work"/> runs; on anything but a terminal it only runs it.</summary>
    public async Task<T> WithProgressAsync<T>(Func<IProgressLines, Task<T>> work)
    {
        if (Console.IsErrorRedirected || !_notes.Profile.Out.IsTerminal) return await work(SilentProgress.Instance);
        return await _notes.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new DownloadedColumn(), new TransferSpeedColumn(), new RemainingTimeColumn())
            .StartAsync(context => work(new ShownProgress(context)));
    }

    /// <summary>Says why the verb failed and returns its exit code. Never a stack trace, never more than one line of text.</summary>
    public int Fail(Exception exception)
    {
        MarketException failure = Failure.Of(exception);
        if (Json) Console.Out.WriteLine(MarketJson.Write(ErrorReport.Of(failure), CommandJson.Line));
        else Console.Error.WriteLine(Failure.Line(failure));
        return (int)failure.Code;
    }

    /// <summary>Why a text cannot be read; null if it can.</summary>
    private static string? Tried<T>(Func<T> parse)
    {
        try
        {
            _ = parse();
            return null;
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            return Markup.Escape(e.Message);
        }
    }

    private static IAnsiConsole ConsoleOn(TextWriter writer, bool redirected)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = redirected ? AnsiSupport.No : AnsiSupport.Detect,
            Interactive = redirected ? InteractionSupport.No : InteractionSupport.Detect,
        });
        if (redirected) console.Profile.Width = WidthOfFiles;
        return console;
    }
}

/// <summary>Text and tables for people.</summary>
internal sealed class TextOutput(IAnsiConsole console)
{
    /// <summary>A line, written as it is.</summary>
    public void Line(string line) => console.Profile.Out.Writer.WriteLine(line);

    /// <summary>Rows under headings. Headings that begin with <c>&gt;</c> stand right, as numbers do. On a narrow terminal the last column gives way.</summary>
    public void Table(IReadOnlyList<string> headings, IEnumerable<IEnumerable<string?>> rows)
    {
        var table = new Table { Border = TableBorder.None };
        for (int i = 0; i < headings.Count; i++)
        {
            bool right = headings[i].StartsWith('>');
            var column = new TableColumn(new Text((right ? headings[i][1..] : headings[i]).ToUpperInvariant()));
            if (i < headings.Count - 1) column.NoWrap();
            table.AddColumn(right ? column.RightAligned() : column);
        }

        foreach (IEnumerable<string?> row in rows) table.AddRow(row.Select(cell => new Text(cell ?? "-")));
        console.Write(table);
    }

    /// <summary>Names and values, one pair a line.</summary>
    public void Pairs(params (string Name, string? Value)[] pairs)
    {
        int width = pairs.Max(pair => pair.Name.Length);
        var text = new StringBuilder();
        foreach ((string name, string? value) in pairs) text.Append(name.PadRight(width)).Append("  ").AppendLine(value ?? "-");
        console.Profile.Out.Writer.Write(text.ToString());
    }
}
