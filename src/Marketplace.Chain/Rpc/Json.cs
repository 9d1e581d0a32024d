using System.Globalization;
using System.Numerics;
using System.Text.Json;
using Marketplace.Domain;

namespace Marketplace.Chain.Rpc;

/// <summary>Quantities and bytes as the Ethereum JSON-RPC writes them. Bad input from an endpoint is an <see cref="RpcFormatException"/>.</summary>
internal static class Json
{
    public static string Quantity(BigInteger value)
    {
        string digits = value.ToString("x", CultureInfo.InvariantCulture).TrimStart('0');
        return digits.Length == 0 ? "0x0" : "0x" + digits;
    }

    public static BigInteger ToBigInteger(JsonElement element)
    {
        string text = ToText(element);
        return text.StartsWith("0x", StringComparison.Ordinal) && text.Length <= 66
            && BigInteger.TryParse("0" + text[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out BigInteger value)
            ? value
            : throw Wrong("a quantity");
    }

    public static ulong ToUInt64(JsonElement element)
    {
        string text = ToText(element);
        return text.StartsWith("0x", StringComparison.Ordinal)
            && ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong value)
            ? value
            : throw Wrong("a quantity of 64 bits");
    }

    public static uint ToUInt32(JsonElement element) => ToUInt64(element) is <= uint.MaxValue and var value ? (uint)value : throw Wrong("a quantity of 32 bits");

    public static byte[] ToBytes(JsonElement element)
    {
        try
        {
            return Hex.Decode(ToText(element));
        }
        catch (FormatException)
        {
            throw Wrong("bytes");
        }
    }

    public static Hash32 ToHash(JsonElement element) => Hash32.TryParse(ToText(element), null, out Hash32 hash) ? hash : throw Wrong("a hash");

    public static Address ToAddress(JsonElement element) =>
        Address.TryParse(ToText(element).ToLowerInvariant(), null, out Address address) ? address : throw Wrong("an address");

    public static Address? ToAddressOrNull(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out JsonElement member) && member.ValueKind == JsonValueKind.String ? ToAddress(member) : null;

    public static JsonElement Member(JsonElement parent, string name) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out JsonElement member) ? member : throw Wrong($"'{name}'");

    public static BigInteger? ToBigIntegerOrNull(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out JsonElement member) && member.ValueKind == JsonValueKind.String ? ToBigInteger(member) : null;

    public static RpcFormatException Wrong(string wanted) => new($"the RPC endpoint's answer is malformed: {wanted} was wanted");

    private static string ToText(JsonElement element) => element.ValueKind == JsonValueKind.String ? element.GetString()! : throw Wrong("a text");
}
