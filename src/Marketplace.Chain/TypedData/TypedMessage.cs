using System.Numerics;
using System.Text;
using System.Text.Json.Nodes;
using Marketplace.Chain.Abi;
using Marketplace.Chain.Crypto;
using Marketplace.Domain;

namespace Marketplace.Chain.TypedData;

/// <summary>Where a typed message is valid. Members that are null are left out of the domain's type.</summary>
public sealed record TypedDomain(string? Name, string? Version, ulong? ChainId, Address? VerifyingContract, Hash32? Salt = null);

/// <summary>
/// A message of typed data by EIP-712: a struct with its type, and the domain in which the signature is valid.
/// Types come from the struct's ABI, so a Solidity struct and its signature cannot drift apart.
/// </summary>
public sealed class TypedMessage
{
    private const string DomainType = "EIP712Domain";

    private readonly AbiTuple _domainType;
    private readonly object?[] _domainValues;

    /// <summary>Makes a message from a struct's type and its members.</summary>
    /// <param name="domain">Where the signature is valid.</param>
    /// <param name="type">A struct with a name; nested structs have names too.</param>
    /// <param name="values">The members in order.</param>
    public TypedMessage(TypedDomain domain, AbiTuple type, params IReadOnlyList<object?> values)
    {
        Domain = domain;
        Type = type;
        Values = values;
        List<AbiParameter> members = [];
        List<object?> given = [];
        void Add(string name, AbiType memberType, object? value)
        {
            if (value is null) return;
            members.Add(new AbiParameter(name, memberType));
            given.Add(value);
        }

        Add("name", AbiString.Instance, domain.Name);
        Add("version", AbiString.Instance, domain.Version);
        Add("chainId", new AbiInteger(256, isSigned: false), domain.ChainId);
        Add("verifyingContract", AbiAddress.Instance, domain.VerifyingContract);
        Add("salt", new AbiFixedBytes(32), domain.Salt);
        _domainType = new AbiTuple(members, DomainType);
        _domainValues = [.. given];
    }

    /// <summary>Where the signature is valid.</summary>
    public TypedDomain Domain { get; }

    /// <summary>The struct's type.</summary>
    public AbiTuple Type { get; }

    /// <summary>The struct's members.</summary>
    public IReadOnlyList<object?> Values { get; }

    /// <summary>A message from a generated struct.</summary>
    public static TypedMessage From<T>(TypedDomain domain, T message) where T : IAbiStruct<T> => new(domain, T.AbiType, message.ToAbiValues());

    /// <summary>The digest that is signed.</summary>
    public Hash32 Digest() => Hash32.Keccak(
        [0x19, 0x01, .. DomainSeparator().ToArray(), .. HashStruct(Type, Values).ToArray()]);

    /// <summary>The hash of the domain, as <c>_domainSeparatorV4()</c> gives it.</summary>
    public Hash32 DomainSeparator() => HashStruct(_domainType, _domainValues);

    /// <summary>Finds who signed this message. False if the signature is no signature.</summary>
    public bool TryRecover(EthSignature signature, out Address signer) => Secp256k1.TryRecover(Digest(), signature, out signer);

    /// <summary>The hash of a struct's type, such as a contract keeps in a constant.</summary>
    public static Hash32 TypeHash(AbiTuple type) => Hash32.Keccak(Encoding.UTF8.GetBytes(EncodeType(type)));

    /// <summary>The text of a type with the types that it refers to, sorted by name.</summary>
    public static string EncodeType(AbiTuple type)
    {
        SortedDictionary<string, AbiTuple> all = new(StringComparer.Ordinal);
        Collect(type, all);
        all.Remove(NameOf(type));
        return Describe(type) + string.Concat(all.Values.Select(Describe));
    }

    /// <summary>The message as wallets take it in <c>eth_signTypedData_v4</c>.</summary>
    public JsonObject ToJson()
    {
        SortedDictionary<string, AbiTuple> all = new(StringComparer.Ordinal);
        Collect(Type, all);
        all[DomainType] = _domainType;
        JsonObject types = [];
        foreach ((string name, AbiTuple tuple) in all)
        {
            types[name] = new JsonArray([.. tuple.Components.Select(static member =>
                (JsonNode)new JsonObject { ["name"] = member.Name, ["type"] = TypeName(member.Type) })]);
        }

        return new JsonObject
        {
            ["types"] = types,
            ["primaryType"] = Type.StructName,
            ["domain"] = ToJson(_domainType, _domainValues),
            ["message"] = ToJson(Type, Values),
        };
    }

    private static Hash32 HashStruct(AbiTuple type, IReadOnlyList<object?> values)
    {
        if (values.Count != type.Components.Count) throw new AbiException($"{type.StructName} has {type.Components.Count} members, {values.Count} were given.");
        using MemoryStream encoded = new();
        encoded.Write(TypeHash(type).ToArray());
        for (int i = 0; i < values.Count; i++) encoded.Write(EncodeValue(type.Components[i].Type, values[i]));
        return Hash32.Keccak(encoded.GetBuffer().AsSpan(0, (int)encoded.Length));
    }

    private static byte[] EncodeValue(AbiType type, object? value)
    {
        switch (type)
        {
            case AbiTuple tuple:
                return HashStruct(tuple, AbiValue.ToList(tuple, value)).ToArray();
            case AbiArray array:
                IReadOnlyList<object?> items = AbiValue.ToList(array, value);
                if (array.Length is int length && items.Count != length) throw new AbiException($"{array.Name} wants {length} items, {items.Count} were given.");
                return Keccak256.HashData([.. items.SelectMany(item => EncodeValue(array.Element, item))]);
            case AbiBytes or AbiString:
                return Keccak256.HashData(AbiValue.ToBytes(type, value).Span);
            default:
                return AbiCodec.Encode([type], [value]);
        }
    }

    private static void Collect(AbiType type, SortedDictionary<string, AbiTuple> all)
    {
        while (type is AbiArray array) type = array.Element;
        if (type is not AbiTuple tuple || !all.TryAdd(NameOf(tuple), tuple)) return;
        foreach (AbiParameter member in tuple.Components) Collect(member.Type, all);
    }

    private static string Describe(AbiTuple type) =>
        $"{NameOf(type)}({string.Join(',', type.Components.Select(static member => $"{TypeName(member.Type)} {member.Name}"))})";

    private static string TypeName(AbiType type) => type switch
    {
        AbiTuple tuple => NameOf(tuple),
        AbiArray array => $"{TypeName(array.Element)}[{array.Length}]",
        _ => type.Name,
    };

    private static string NameOf(AbiTuple type) =>
        type.StructName.Length > 0 ? type.StructName : throw new AbiException("Typed data needs structs with names.");

    private static JsonObject ToJson(AbiTuple type, IReadOnlyList<object?> values)
    {
        JsonObject json = [];
        for (int i = 0; i < values.Count; i++) json[type.Components[i].Name] = ToJson(type.Components[i].Type, values[i]);
        return json;
    }

    private static JsonNode? ToJson(AbiType type, object? value) => type switch
    {
        AbiTuple tuple => ToJson(tuple, AbiValue.ToList(tuple, value)),
        AbiArray array => new JsonArray([.. AbiValue.ToList(array, value).Select(item => ToJson(array.Element, item))]),
        AbiInteger integer => AbiValue.ToInteger(integer, value) is { } number && BigInteger.Abs(number) <= int.MaxValue
            ? JsonValue.Create((int)number)
            : JsonValue.Create(AbiValue.ToInteger(integer, value).ToString(null, null)),
        AbiAddress => AbiValue.ToAddress(value).ToString(),
        AbiBool => AbiValue.ToBool(value),
        AbiString => Encoding.UTF8.GetString(AbiValue.ToBytes(type, value).Span),
        _ => Hex.Encode(AbiValue.ToBytes(type, value).Span),
    };
}
