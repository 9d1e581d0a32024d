using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Net;
using Marketplace.Domain;

namespace Marketplace.Commands.Shell;

/// <summary>A duration on the command line, which help shows as it is written: <c>30d</c>.</summary>
internal readonly record struct DurationWord(TimeSpan Value)
{
    public override string ToString() => Duration.Format(Value);
}

/// <summary>Arguments and options of the market's own types, each read by the type's one parser.</summary>
internal static class Words
{
    /// <summary>An argument of a type that parses itself: <see cref="TokenAmount"/>, <see cref="Address"/>, <see cref="Redundancy"/>.</summary>
    public static Argument<T> Argument<T>(string name, string description)
        where T : IParsable<T> => new(name) { Description = description, CustomParser = Read(text => T.Parse(text, null)) };

    /// <summary>An option of a type that parses itself.</summary>
    public static Option<T> Option<T>(string name, string valueName, string description)
        where T : IParsable<T> => new(name) { Description = description, HelpName = valueName, CustomParser = Read(text => T.Parse(text, null)) };

    /// <summary>An option of a type that parses itself, with what it is without being said.</summary>
    public static Option<T> Option<T>(string name, string valueName, string description, T otherwise)
        where T : IParsable<T> => new(name)
        {
            Description = description,
            HelpName = valueName,
            CustomParser = Read(text => T.Parse(text, null)),
            DefaultValueFactory = _ => otherwise,
        };

    /// <summary>An option such as <c>30d</c>.</summary>
    public static Option<DurationWord> Duration(string name, string description, TimeSpan otherwise) => new(name)
    {
        Description = description,
        HelpName = "DURATION",
        CustomParser = Read(text => new DurationWord(Domain.Duration.Parse(text))),
        DefaultValueFactory = _ => new DurationWord(otherwise),
    };

    /// <summary>An option such as <c>20GiB</c>.</summary>
    public static Option<long> Size(string name, string description) =>
        new(name) { Description = description, HelpName = "SIZE", CustomParser = Read(ByteSize.Parse) };

    /// <summary>An option that is a whole number between two bounds, both included.</summary>
    public static Option<int> Number(string name, string description, int least, int most, int otherwise) => new(name)
    {
        Description = description,
        HelpName = "N",
        CustomParser = Read(text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most
            ? number
            : throw new FormatException($"'{text}' does not do for {name}: write a whole number from {least} to {most}.")),
        DefaultValueFactory = _ => otherwise,
    };

    /// <summary>An option such as <c>127.0.0.1:4600</c>.</summary>
    public static Option<IPEndPoint> Listen(string name, string description, IPEndPoint otherwise) => new(name)
    {
        Description = description,
        HelpName = "HOST:PORT",
        CustomParser = Read(text => IPEndPoint.TryParse(text, out IPEndPoint? address) && text.Contains(':', StringComparison.Ordinal)
            ? address
            : throw new FormatException($"'{text}' is not an address to listen on: write 127.0.0.1:4600, or [::1]:4600.")),
        DefaultValueFactory = _ => otherwise,
    };

    private static Func<ArgumentResult, T> Read<T>(Func<string, T> parse) => result =>
    {
        try
        {
            return parse(result.Tokens.Count == 1 ? result.Tokens[0].Value : "");
        }
        catch (FormatException exception)
        {
            result.AddError(exception.Message);
        }
        catch (OverflowException)
        {
            result.AddError($"'{result.Tokens[0].Value}' is too large.");
        }

        return default!;
    };
}
