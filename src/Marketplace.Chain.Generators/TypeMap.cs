using System.Globalization;

namespace Marketplace.Chain.Generators;

/// <summary>Says which C# type stands for which Solidity type, and how one becomes the other. Keeps the structs that were met.</summary>
internal sealed class TypeMap
{
    private const string Domain = "global::Marketplace.Domain.";

    /// <summary>Names of this library's own types: a struct that has one carries its contract's name before it.</summary>
    private static readonly HashSet<string> s_taken = new(StringComparer.Ordinal)
    {
        "Account", "Block", "Contract", "Event", "Function", "Log", "Panic", "Transaction",
    };

    private readonly Dictionary<string, AbiMember> _structs = new(StringComparer.Ordinal);

    /// <summary>Structs by their C# name.</summary>
    public IReadOnlyDictionary<string, AbiMember> Structs => _structs;

    /// <summary>Gives every struct of the members a name, those inside of others first.</summary>
    public void Collect(string contract, IReadOnlyList<AbiMember> members)
    {
        foreach (AbiMember member in members)
        {
            if (member.BaseType != "tuple") continue;
            Collect(contract, member.Components);
            string shape = AbiMember.ShapeOf(member.Components);
            string name = Names.Pascal(member.StructName);
            if (s_taken.Contains(name)) name = contract + name;
            if (_structs.TryGetValue(name, out AbiMember? other) && AbiMember.ShapeOf(other.Components) != shape) name = contract + name;
            _structs[name] = member;
        }
    }

    public string CSharp(AbiMember member) => CSharpBase(member) + string.Concat(Enumerable.Repeat("[]", Depth(member)));

    /// <summary>An expression that makes the C# value from a decoded <c>object?</c>.</summary>
    public string FromObject(AbiMember member, string value) => FromObject(member, value, Depth(member));

    /// <summary>An expression of the type <c>AbiType</c>.</summary>
    public string AbiType(AbiMember member)
    {
        string type = member.BaseType == "tuple" ? StructOf(member) + ".AbiType" : $"global::Marketplace.Chain.Abi.AbiType.Parse(\"{member.BaseType}\")";
        foreach (string part in member.Suffix.Split([']'], StringSplitOptions.RemoveEmptyEntries))
            type = $"new AbiArray({type}, {(part.Length > 1 ? part.Substring(1) : "null")})";
        return type;
    }

    /// <summary>An expression of the type <c>AbiTuple</c>.</summary>
    public string AbiTuple(IReadOnlyList<AbiMember> members, string structName = "")
    {
        IEnumerable<string> parts = members.Select(member =>
            $"new AbiParameter(\"{member.Name}\", {AbiType(member)}{(member.IsIndexed ? ", true" : "")})");
        return $"new AbiTuple([{string.Join(", ", parts)}]{(structName.Length > 0 ? $", \"{structName}\"" : "")})";
    }

    /// <summary>True for an indexed member of an event of which the log holds only a hash.</summary>
    public static bool IsHashed(AbiMember member) => member.IsIndexed && (member.Suffix.Length > 0 || member.BaseType is "tuple" or "string" or "bytes");

    private string FromObject(AbiMember member, string value, int depth)
    {
        if (depth > 0)
        {
            string item = "item" + depth.ToString(CultureInfo.InvariantCulture);
            return $"AbiConvert.ToArray({value}, static {item} => {FromObject(member, item, depth - 1)})";
        }

        string type = CSharpBase(member);
        if (member.BaseType == "tuple") return $"{type}.FromAbiValues((IReadOnlyList<object?>){value}!)";
        if (type.StartsWith(Domain, StringComparison.Ordinal) && member.BaseType != "address") return $"new {type}((byte[]){value}!)";
        if (type == "BigInteger" || !IsInteger(member.BaseType)) return $"({type}){value}!";
        return $"({type})(BigInteger){value}!";
    }

    private static bool IsInteger(string type) => type.StartsWith("uint", StringComparison.Ordinal) || type.StartsWith("int", StringComparison.Ordinal);

    private string CSharpBase(AbiMember member)
    {
        string type = member.BaseType;
        switch (type)
        {
            case "tuple": return StructOf(member);
            case "address": return Domain + "Address";
            case "bool": return "bool";
            case "string": return "string";
            case "bytes32": return Domain + "Hash32";
            // Twenty bytes are a Merkle root where the declaration says so; a seed has the same length.
            case "bytes20": return IsRoot(member) ? Domain + "Root" : "byte[]";
        }

        if (type.StartsWith("bytes", StringComparison.Ordinal)) return "byte[]";
        bool isSigned = type.StartsWith("int", StringComparison.Ordinal);
        if (!IsInteger(type)) throw new FormatException($"The type {type} has no C# type.");
        int bits = int.Parse(type.Substring(isSigned ? 3 : 4), CultureInfo.InvariantCulture);
        return bits switch
        {
            <= 8 => isSigned ? "sbyte" : "byte",
            <= 16 => isSigned ? "short" : "ushort",
            <= 32 => isSigned ? "int" : "uint",
            <= 64 => isSigned ? "long" : "ulong",
            <= 128 => isSigned ? "Int128" : "UInt128",
            _ => "BigInteger",
        };
    }

    private static bool IsRoot(AbiMember member)
    {
        string declared = member.InternalType.Split('[')[0];
        return declared == "Root" || declared.EndsWith(".Root", StringComparison.Ordinal)
            || member.Name.IndexOf("root", StringComparison.OrdinalIgnoreCase) >= 0;
    }

    private string StructOf(AbiMember member)
    {
        string shape = AbiMember.ShapeOf(member.Components);
        string name = Names.Pascal(member.StructName);
        foreach (KeyValuePair<string, AbiMember> pair in _structs)
        {
            if (pair.Key.EndsWith(name, StringComparison.Ordinal) && pair.Value.StructName == member.StructName && AbiMember.ShapeOf(pair.Value.Components) == shape)
                return pair.Key;
        }

        throw new FormatException($"The struct {name} was not collected.");
    }

    private static int Depth(AbiMember member) => member.Suffix.Count(static c => c == '[');
}
