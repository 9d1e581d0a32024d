using System.Text.Json;
using Marketplace.Chain.Abi;

namespace Marketplace.Chain.Contracts;

/// <summary>A contract's ABI, read at run time. Contracts of this repository have generated services instead.</summary>
public sealed class ContractAbi
{
    private const string StructPrefix = "struct ";

    private ContractAbi(IReadOnlyList<FunctionDefinition> functions, IReadOnlyList<EventDefinition> events, AbiTuple constructorInputs)
    {
        Functions = functions;
        Events = events;
        ConstructorInputs = constructorInputs;
    }

    /// <summary>All functions.</summary>
    public IReadOnlyList<FunctionDefinition> Functions { get; }

    /// <summary>All events that are not anonymous.</summary>
    public IReadOnlyList<EventDefinition> Events { get; }

    /// <summary>What the constructor takes.</summary>
    public AbiTuple ConstructorInputs { get; }

    /// <summary>Reads the JSON of an ABI, or of a compiler's artifact that holds one.</summary>
    /// <exception cref="FormatException">The text is no ABI.</exception>
    public static ContractAbi Parse(string json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            JsonElement root = document.RootElement;
            if (root.ValueKind == JsonValueKind.Object) root = root.GetProperty("abi");
            List<FunctionDefinition> functions = [];
            List<EventDefinition> events = [];
            AbiTuple constructorInputs = new([]);
            foreach (JsonElement item in root.EnumerateArray())
            {
                switch (Text(item, "type"))
                {
                    case "function":
                        functions.Add(new FunctionDefinition(Text(item, "name"), Tuple(item, "inputs"), Tuple(item, "outputs")));
                        break;
                    case "event" when !(item.TryGetProperty("anonymous", out JsonElement anonymous) && anonymous.GetBoolean()):
                        events.Add(new EventDefinition(Text(item, "name"), Tuple(item, "inputs")));
                        break;
                    case "constructor":
                        constructorInputs = Tuple(item, "inputs");
                        break;
                }
            }

            return new ContractAbi(functions, events, constructorInputs);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or AbiException)
        {
            throw new FormatException("The text is no contract ABI: " + e.Message, e);
        }
    }

    private static AbiTuple Tuple(JsonElement item, string name, string structName = "") => new(
        item.TryGetProperty(name, out JsonElement list) ? [.. list.EnumerateArray().Select(Parameter)] : [], structName);

    private static AbiParameter Parameter(JsonElement json)
    {
        string type = Text(json, "type");
        AbiType parsed;
        if (type.StartsWith("tuple", StringComparison.Ordinal))
        {
            AbiTuple tuple = Tuple(json, "components", StructName(Text(json, "internalType")));
            parsed = Suffix(tuple, type["tuple".Length..]);
        }
        else
        {
            parsed = AbiType.Parse(type);
        }

        return new AbiParameter(Text(json, "name"), parsed, json.TryGetProperty("indexed", out JsonElement indexed) && indexed.GetBoolean());
    }

    /// <summary>Wraps a struct in the arrays that its type's text names, such as <c>[4][]</c>.</summary>
    private static AbiType Suffix(AbiTuple tuple, string suffix)
    {
        AbiType type = tuple;
        foreach (string part in suffix.Split(']', StringSplitOptions.RemoveEmptyEntries))
            type = new AbiArray(type, part.Length > 1 ? int.Parse(part.AsSpan(1), System.Globalization.NumberStyles.None) : null);
        return type;
    }

    private static string StructName(string internalType)
    {
        if (!internalType.StartsWith(StructPrefix, StringComparison.Ordinal)) return "";
        string name = internalType[StructPrefix.Length..].Split('[')[0];
        return name[(name.LastIndexOf('.') + 1)..];
    }

    private static string Text(JsonElement item, string name) =>
        item.TryGetProperty(name, out JsonElement member) ? member.GetString() ?? "" : "";
}
