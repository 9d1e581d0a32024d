using System.CommandLine;
using Marketplace.Commands.Settings;

namespace Marketplace.Commands.Shell;

/// <summary>Options that every verb takes: <c>--json</c>, and one for each setting that has a flag, unless only those that run a host do.</summary>
internal static class GlobalOptions
{
    /// <summary>One JSON object on standard output instead of text.</summary>
    public static Option<bool> Json { get; } = new("--json") { Description = "Write one JSON object to standard output, nothing else.", Recursive = true };

    private static readonly Dictionary<string, Option<string>> s_flags = SettingsTable.All
        .Where(setting => setting.Flag is not null)
        .ToDictionary(setting => setting.Flag!, setting => new Option<string>(setting.Flag!)
        {
            Description = setting.Meaning,
            HelpName = setting.ValueName,
            Recursive = !setting.IsOfHosts,
        });

    /// <summary>Adds them to the root.</summary>
    public static void AddTo(RootCommand root)
    {
        root.Options.Add(Json);
        foreach (Option<string> flag in s_flags.Values.Where(flag => flag.Recursive)) root.Options.Add(flag);
    }

    /// <summary>The option of a setting that has a flag, for the verbs whose alone it is.</summary>
    public static Option<string> Of(Setting setting) => s_flags[setting.Flag!];

    /// <summary>What the command line says for a setting's flag, null if nothing.</summary>
    public static string? ValueOf(ParseResult parsed, string flag) => parsed.GetValue(s_flags[flag]);

    /// <summary>Whether JSON is wanted, told from the bare words, because they may not parse.</summary>
    public static bool WantsJson(IEnumerable<string> words) => words.TakeWhile(word => word != "--").Contains(Json.Name, StringComparer.Ordinal);
}
