namespace Marketplace.Node;

/// <summary>Changes single lines of <c>node.yaml</c> and leaves all else, comments too, as its operator wrote it.</summary>
internal static class NodeYaml
{
    /// <summary>The text with another value for a key: in its place, or behind the last key that begins the same, or at the end.</summary>
    public static string With(string text, string key, string value)
    {
        List<string> lines = [.. text.Split('\n')];
        int at = lines.FindIndex(line => KeyOf(line) == key);
        if (at >= 0)
        {
            int comment = lines[at].IndexOf('#', StringComparison.Ordinal);
            lines[at] = $"{key}: {value}{(comment < 0 ? "" : " " + lines[at][comment..])}";
            return string.Join('\n', lines);
        }

        string family = key[..(key.IndexOf('.', StringComparison.Ordinal) + 1)];
        int last = family.Length == 0 ? -1 : lines.FindLastIndex(line => KeyOf(line)?.StartsWith(family, StringComparison.Ordinal) == true);
        if (last < 0) last = lines.FindLastIndex(line => line.Length > 0);
        lines.Insert(last + 1, $"{key}: {value}");
        return string.Join('\n', lines);
    }

    /// <summary>The text without a key's line.</summary>
    public static string Without(string text, string key) => string.Join('\n', text.Split('\n').Where(line => KeyOf(line) != key));

    private static string? KeyOf(string line)
    {
        int comment = line.IndexOf('#', StringComparison.Ordinal);
        string bare = comment < 0 ? line : line[..comment];
        int colon = bare.IndexOf(':', StringComparison.Ordinal);
        return colon < 0 ? null : bare[..colon].Trim();
    }
}
