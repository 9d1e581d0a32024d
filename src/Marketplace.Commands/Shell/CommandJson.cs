using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Marketplace.Client.Json;
using Marketplace.Commands.Homes;
using Marketplace.Commands.Money;
using Marketplace.Commands.Wallet;
using Marketplace.Domain;

namespace Marketplace.Commands.Shell;

/// <summary><see cref="MarketJson"/> with the shapes that only the command line knows.</summary>
internal static class CommandJson
{
    private static readonly JsonSerializerOptions s_line = MarketJson.Create(indented: false, CommandShapes.Default);
    private static readonly Lazy<JsonSerializerOptions> s_page = new(() => MarketJson.Create(indented: true, CommandShapes.Default));

    /// <summary>The text of a value, on one line.</summary>
    public static string Write<T>(T value) => JsonSerializer.Serialize(value, (JsonTypeInfo<T>)s_line.GetTypeInfo(typeof(T)));

    /// <summary>The text of a value, laid out for people.</summary>
    public static string WriteIndented<T>(T value) => JsonSerializer.Serialize(value, (JsonTypeInfo<T>)s_page.Value.GetTypeInfo(typeof(T)));

    /// <summary>Reads a value. Throws <see cref="JsonException"/> on anything that is not one.</summary>
    public static T Read<T>(string text) =>
        JsonSerializer.Deserialize(text, (JsonTypeInfo<T>)s_line.GetTypeInfo(typeof(T))) ?? throw new JsonException($"A {typeof(T).Name} is needed, not null.");
}

/// <summary>Shapes made when this is compiled (<see cref="MarketJson.Create"/>).</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(AllowedReport))]
[JsonSerializable(typeof(DevnetFile))]
[JsonSerializable(typeof(Dictionary<string, Address>))]
[JsonSerializable(typeof(MovedReport))]
[JsonSerializable(typeof(WalletCreatedReport))]
[JsonSerializable(typeof(WalletReport))]
internal sealed partial class CommandShapes : JsonSerializerContext;
