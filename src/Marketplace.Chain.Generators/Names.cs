using System.Globalization;
using System.Text;
using Microsoft.CodeAnalysis.CSharp;

namespace Marketplace.Chain.Generators;

/// <summary>Turns Solidity's names into C#'s.</summary>
internal static class Names
{
    /// <summary>Names that generated members have themselves.</summary>
    private static readonly HashSet<string> s_taken = new(StringComparer.Ordinal)
    {
        "Definition", "AbiType", "ErrorName", "ErrorMembers", "ToAbiValues", "FromAbiValues", "TryDecode", "Decode", "Web3", "Address",
        "Equals", "GetHashCode", "ToString", "GetType", "EqualityContract", "MemberwiseClone", "Finalize", "PrintMembers", "Deconstruct",
    };

    /// <summary>Parameters that generated methods have themselves.</summary>
    private static readonly HashSet<string> s_takenParameters = new(StringComparer.Ordinal) { "options", "block", "token", "output", "values" };

    public static string Pascal(string name)
    {
        StringBuilder text = new(name.Length);
        bool isStart = true;
        // FEE_BPS becomes FeeBps.
        bool isConstant = name.Any(char.IsLetter) && !name.Any(char.IsLower);
        foreach (char c in name)
        {
            if (c is '_' or '$')
            {
                isStart = true;
                continue;
            }

            text.Append(isStart ? char.ToUpperInvariant(c) : isConstant ? char.ToLowerInvariant(c) : c);
            isStart = false;
        }

        return text.Length == 0 || char.IsDigit(text[0]) ? "Value" + text : text.ToString();
    }

    /// <summary>A property for each member, all different.</summary>
    public static IReadOnlyList<string> Properties(string owner, IReadOnlyList<AbiMember> members)
    {
        List<string> names = [];
        for (int i = 0; i < members.Count; i++)
        {
            string name = members[i].Name.Length == 0 ? "Value" + i.ToString(CultureInfo.InvariantCulture) : Pascal(members[i].Name);
            if (name == owner || s_taken.Contains(name)) name += "Value";
            names.Add(Unique(name, names));
        }

        return names;
    }

    /// <summary>A parameter for each member, all different.</summary>
    public static IReadOnlyList<string> Parameters(IReadOnlyList<AbiMember> members)
    {
        List<string> names = [];
        for (int i = 0; i < members.Count; i++)
        {
            string pascal = members[i].Name.Length == 0 ? "Value" + i.ToString(CultureInfo.InvariantCulture) : Pascal(members[i].Name);
            string name = char.ToLowerInvariant(pascal[0]) + pascal.Substring(1);
            if (s_takenParameters.Contains(name)) name += "Value";
            if (SyntaxFacts.GetKeywordKind(name) != SyntaxKind.None) name = "@" + name;
            names.Add(Unique(name, names));
        }

        return names;
    }

    public static string Unique(string name, ICollection<string> others)
    {
        string unique = name;
        for (int number = 2; others.Contains(unique); number++) unique = name + number.ToString(CultureInfo.InvariantCulture);
        return unique;
    }
}
