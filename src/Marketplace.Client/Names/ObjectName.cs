using System.Diagnostics.CodeAnalysis;
using System.Text;
using Marketplace.Coding;

namespace Marketplace.Client.Names;

/// <summary>
/// What is done with the names of objects. What a name is, <see cref="EntryName"/> decides: parts with a slash between them,
/// none of them empty, <c>.</c> or <c>..</c>; anything else that is valid UTF-8 without NUL is a name, line breaks included.
/// Names are kept as they were given and compared by their code points; no normal form is forced on them.
/// </summary>
public static class ObjectName
{
    /// <summary>The longest name, in bytes of UTF-8.</summary>
    public const int NameBytesMax = EntryName.BytesMax;

    /// <summary>Orders names so that a folder's entries stand together.</summary>
    public static StringComparer Comparer => StringComparer.Ordinal;

    /// <summary>
    /// Reads a name that a person wrote: slashes at the end are dropped, everything else must be right.
    /// The reason why not is a part of a sentence.
    /// </summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out string? name, [NotNullWhen(false)] out string? reason)
    {
        name = null;
        string candidate = (text ?? "").TrimEnd('/');
        reason = Fault(candidate);
        if (reason is not null) return false;
        name = candidate;
        return true;
    }

    /// <summary>Whether a name that came from a manifest may be used as it stands.</summary>
    public static bool IsValid(string name) => Fault(name) is null;

    /// <summary>The last part.</summary>
    public static string LastPart(string name) => name[(name.LastIndexOf('/') + 1)..];

    /// <summary>The folder and the part below it.</summary>
    public static string Join(string folder, string part) => folder.Length == 0 ? part : folder + "/" + part;

    /// <summary>Whether <paramref name="name"/> is <paramref name="folder"/> or lies below it.</summary>
    public static bool IsWithin(string name, string folder) =>
        name.StartsWith(folder, StringComparison.Ordinal) && (name.Length == folder.Length || name[folder.Length] == '/');

    /// <summary>The folders above a name, the nearest first.</summary>
    public static IEnumerable<string> Ancestors(string name)
    {
        for (int slash = name.LastIndexOf('/'); slash > 0; slash = name.LastIndexOf('/', slash - 1))
            yield return name[..slash];
    }

    /// <summary>A name as a terminal may show it: control characters become escapes, so that a name cannot draw on the screen.</summary>
    public static string ForTerminal(string name)
    {
        if (!name.Any(IsUnsafeToShow)) return name;
        var text = new StringBuilder(name.Length + 8);
        foreach (char c in name)
        {
            if (IsUnsafeToShow(c)) text.Append("\\u").Append(((int)c).ToString("x4"));
            else text.Append(c);
        }

        return text.ToString();
    }

    // Besides controls: marks that turn the direction of writing, which can make a name look like another.
    private static bool IsUnsafeToShow(char c) => char.IsControl(c) || c is >= '\u202a' and <= '\u202e' or >= '\u2066' and <= '\u2069';

    private static string? Fault(string name) => EntryName.TryParse(name, out _)
        ? null
        : $"a name is parts of 1 to {EntryName.PartBytesMax} bytes with slashes between them, none of them '.' or '..', at most {EntryName.BytesMax} bytes";
}
