using System.Text;
using Marketplace.Commands.Settings;
using Marketplace.Domain;

namespace Marketplace.Commands.Wallet;

/// <summary>Where passphrases come from: a file, the environment, the terminal. Never the command line, where others can read it.</summary>
internal static class Passphrases
{
    /// <summary>The passphrase of an existing wallet or key.</summary>
    /// <param name="settings">Name the file or hold the text.</param>
    /// <param name="what">What it opens, for the question at the terminal.</param>
    public static string Get(MarketSettings settings, string what) => FromSettings(settings) ?? Ask($"Passphrase of {what}: ");

    /// <summary>The passphrase of something new; at the terminal it is asked for twice.</summary>
    public static string Choose(MarketSettings settings, string what)
    {
        if (FromSettings(settings) is { } given) return given;
        string chosen = Ask($"New passphrase for {what}: ");
        return Ask("The same again: ") == chosen
            ? chosen
            : throw new MarketException(MarketErrorCode.Usage, "The two passphrases differ", "nothing was written; try again");
    }

    /// <summary>A secret text from standard input: piped to its end, or a line typed without echo.</summary>
    public static string ReadSecret(string question)
    {
        if (Console.IsInputRedirected) return Console.In.ReadToEnd();
        return Ask(question);
    }

    private static string? FromSettings(MarketSettings settings)
    {
        string? passphrase = settings[SettingsTable.Passphrase];
        if (settings[SettingsTable.PassphraseFile] is { } file)
        {
            if (!File.Exists(file)) throw new MarketException(MarketErrorCode.Usage, $"There is no passphrase file {file}", "check MARKET_PASSPHRASE_FILE");
            passphrase = File.ReadLines(file).FirstOrDefault() ?? "";
        }

        return passphrase is { Length: 0 } ? throw Empty() : passphrase;
    }

    private static string Ask(string question)
    {
        if (Console.IsInputRedirected)
            throw new MarketException(MarketErrorCode.Usage, "A passphrase is needed and there is no terminal to ask at", "set MARKET_PASSPHRASE_FILE or MARKET_PASSPHRASE");
        Console.Error.Write(question);
        var text = new StringBuilder();
        while (true)
        {
            ConsoleKeyInfo key = Console.ReadKey(intercept: true);
            if (key.Key == ConsoleKey.Enter) break;
            if (key.Key == ConsoleKey.Backspace) text.Length = Math.Max(0, text.Length - 1);
            else if (key.KeyChar >= ' ') text.Append(key.KeyChar);
        }

        Console.Error.WriteLine();
        return text.Length == 0 ? throw Empty() : text.ToString();
    }

    private static MarketException Empty() => new(MarketErrorCode.Usage, "The passphrase is empty", "choose a longer one");
}
