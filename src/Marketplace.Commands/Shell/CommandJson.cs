using System.Text.Json;
using System.Text.Json.Serialization;
using Marketplace.Client.Json;
using Marketplace.Commands.Homes;
using Marketplace.Commands.Money;
using Marketplace.Commands.Wallet;
using Marketplace.Domain;

namespace Marketplace.Commands.Shell;

/// <summary><see cref="MarketJson"/> with the shapes that only the command line knows.</summary>
internal static class CommandJson
{
    private static readonly Lazy<JsonSerializerOptions> s_page = new(() => MarketJson.Create(indented: true, CommandShapes.Default));

    /// <summary>On one line.</summary>
    public static JsonSerializerOptions Line { get; } = MarketJson.Create(indented: false, CommandShapes.Default);

    /// <summary>Laid out for people.</summary>
    public static JsonSerializerOptions Page => s_page.Value;
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
