using Marketplace.Domain;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Marketplace.Commands.Settings;

/// <summary>Where settings come from, apart from the command line.</summary>
internal static class SettingSources
{
    /// <summary>The process's environment; an empty variable counts as none.</summary>
    public static string? Environment(string name) => System.Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}

/// <summary>The settings in force: flag over environment over <c>market.yaml</c>; defaults are their readers' business.</summary>
/// <param name="flag">The value of a flag on the command line, null if it was not given.</param>
/// <param name="environment">The value of an environment variable, null if it is not set.</param>
/// <param name="file">What <c>market.yaml</c> holds, by key.</param>
internal sealed class MarketSettings(Func<string, string?> flag, Func<string, string?> environment, IReadOnlyDictionary<string, string> file)
{
    /// <summary>Name of the settings file in the home.</summary>
    public const string FileName = "market.yaml";

    /// <summary>The value in force, null if nobody set it.</summary>
    public string? this[Setting setting] => FromFlag(setting) ?? environment(setting.Variable) ?? (setting.InFile ? file.GetValueOrDefault(setting.Key) : null);

    /// <summary>What the command line alone says.</summary>
    public string? FromFlag(Setting setting) => setting.Flag is null ? null : flag(setting.Flag);

    /// <summary>Reads <c>market.yaml</c>: plain keys and plain values. An absent file is an empty one, an unknown key is an error.</summary>
    /// <exception cref="MarketException">The file is not what it should be; the message names file and line.</exception>
    public static IReadOnlyDictionary<string, string> ReadFile(string path)
    {
        if (!File.Exists(path)) return new Dictionary<string, string>();
        var yaml = new YamlStream();
        try
        {
            using StreamReader reader = File.OpenText(path);
            yaml.Load(reader);
        }
        catch (YamlException exception)
        {
            throw new MarketException(MarketErrorCode.Usage, $"{path}, line {exception.Start.Line}: {exception.Message}", "write one 'key: value' a line", exception);
        }

        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        if (yaml.Documents.Count == 0 || yaml.Documents[0].RootNode is YamlScalarNode { Value: null or "" }) return values;
        if (yaml.Documents[0].RootNode is not YamlMappingNode mapping) throw Bad(path, yaml.Documents[0].RootNode, "this is not 'key: value'");
        foreach ((YamlNode key, YamlNode value) in mapping.Children)
        {
            string name = (key as YamlScalarNode)?.Value ?? "";
            if (!SettingsTable.All.Any(setting => setting.InFile && setting.Key == name)) throw Bad(path, key, $"'{name}' is not a setting");
            if (value is not YamlScalarNode { Value: { } text }) throw Bad(path, value, $"'{name}' needs one plain value");
            values[name] = text;
        }

        return values;
    }

    private static MarketException Bad(string path, YamlNode node, string what) =>
        new(MarketErrorCode.Usage, $"{path}, line {node.Start.Line}: {what}", $"known are {string.Join(", ", SettingsTable.All.Where(s => s.InFile).Select(s => s.Key))}");
}
