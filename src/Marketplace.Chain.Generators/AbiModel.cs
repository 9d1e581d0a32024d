namespace Marketplace.Chain.Generators;

/// <summary>A parameter or struct member of an ABI.</summary>
internal sealed class AbiMember
{
    private AbiMember(Dictionary<string, object?> json)
    {
        Name = Read.Text(json, "name");
        Type = Read.Text(json, "type");
        InternalType = Read.Text(json, "internalType");
        IsIndexed = json.TryGetValue("indexed", out object? indexed) && indexed is true;
        Components = List(json, "components");
        int bracket = Type.IndexOf('[');
        BaseType = bracket < 0 ? Type : Type.Substring(0, bracket);
        Suffix = bracket < 0 ? "" : Type.Substring(bracket);
    }

    public string Name { get; }

    /// <summary>Such as <c>tuple[4][]</c>.</summary>
    public string Type { get; }

    public string InternalType { get; }

    public bool IsIndexed { get; }

    public IReadOnlyList<AbiMember> Components { get; }

    /// <summary>The type without its arrays.</summary>
    public string BaseType { get; }

    /// <summary>The arrays, such as <c>[4][]</c>.</summary>
    public string Suffix { get; }

    /// <summary>The struct's name, without the contract that declares it.</summary>
    public string StructName
    {
        get
        {
            const string prefix = "struct ";
            if (!InternalType.StartsWith(prefix, StringComparison.Ordinal)) return "";
            string name = InternalType.Substring(prefix.Length).Split('[')[0];
            return name.Substring(name.LastIndexOf('.') + 1);
        }
    }

    /// <summary>Everything that two declarations must share to be one C# type.</summary>
    public string Shape => Type + " " + Name + (IsIndexed ? " indexed" : "") + ShapeOf(Components);

    public static string ShapeOf(IReadOnlyList<AbiMember> members) => "(" + string.Join(",", members.Select(static member => member.Shape)) + ")";

    public static IReadOnlyList<AbiMember> List(Dictionary<string, object?> json, string name) =>
        json.TryGetValue(name, out object? list) && list is List<object?> items
            ? [.. items.OfType<Dictionary<string, object?>>().Select(static item => new AbiMember(item))]
            : [];
}

/// <summary>A function, event or error of an ABI.</summary>
internal sealed class AbiItem(Dictionary<string, object?> json)
{
    public string Kind { get; } = Read.Text(json, "type");

    public string Name { get; } = Read.Text(json, "name");

    public bool IsView { get; } = Read.Text(json, "stateMutability") is "view" or "pure";

    public bool IsAnonymous { get; } = json.TryGetValue("anonymous", out object? anonymous) && anonymous is true;

    public IReadOnlyList<AbiMember> Inputs { get; } = AbiMember.List(json, "inputs");

    public IReadOnlyList<AbiMember> Outputs { get; } = AbiMember.List(json, "outputs");

    /// <summary>The declaration as Solidity writes it, for comments.</summary>
    public string Declaration => Name + "(" + string.Join(", ", Inputs.Select(static member => (member.Type + " " + member.Name).Trim())) + ")";
}

/// <summary>A contract that bindings are wanted for.</summary>
internal sealed class AbiContract
{
    public AbiContract(string name, bool isTypesOnly, string artifact)
    {
        Name = name;
        IsTypesOnly = isTypesOnly;
        object? root = JsonReader.Parse(artifact);
        if (root is Dictionary<string, object?> members) members.TryGetValue("abi", out root);
        Items = root is List<object?> items
            ? [.. items.OfType<Dictionary<string, object?>>().Select(static item => new AbiItem(item))]
            : throw new FormatException("It holds no ABI.");
    }

    public string Name { get; }

    /// <summary>True where only events, errors and structs are wanted, as from a library or an interface.</summary>
    public bool IsTypesOnly { get; }

    public IReadOnlyList<AbiItem> Items { get; }
}

internal static class Read
{
    public static string Text(Dictionary<string, object?> json, string name) =>
        json.TryGetValue(name, out object? value) && value is string text ? text : "";
}
