using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Marketplace.Client.Json;

/// <summary>
/// How everything that leaves the market as JSON is written: camelCase, null never left out, enumerations as camelCase words,
/// times as ISO 8601 in UTC with a Z, names in any script unescaped.
/// </summary>
public static class MarketJson
{
    /// <summary>The one set of options. Read-only.</summary>
    public static JsonSerializerOptions Options { get; } = Create(indented: false);

    /// <summary>Gives <paramref name="options"/> the market's rules; for hosts that own their options.</summary>
    public static void Apply(JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.PropertyNamingPolicy = JsonNamingPolicy.CamelCase;
        options.DictionaryKeyPolicy = null;
        options.DefaultIgnoreCondition = JsonIgnoreCondition.Never;
        options.Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping;
        if (JsonSerializer.IsReflectionEnabledByDefault) options.Converters.Add(AnyWord());
        options.Converters.Add(new UtcTimeJsonConverter());
    }

    /// <summary>The text of a value, by <see cref="Options"/> or others of <see cref="Create"/>.</summary>
    public static string Write<T>(T value, JsonSerializerOptions? options = null) => JsonSerializer.Serialize(value, ShapeOf<T>(options));

    /// <summary>Reads a value. Throws <see cref="JsonException"/> on anything that is not one.</summary>
    public static T Read<T>(string text, JsonSerializerOptions? options = null) =>
        JsonSerializer.Deserialize(text, ShapeOf<T>(options)) ?? throw new JsonException($"A {typeof(T).Name} is needed, not null.");

    /// <summary>How a type is written and read.</summary>
    public static JsonTypeInfo<T> ShapeOf<T>(JsonSerializerOptions? options = null) => (JsonTypeInfo<T>)(options ?? Options).GetTypeInfo(typeof(T));

    /// <summary>Options of a program that has more shapes than the reports here.</summary>
    /// <param name="indented">Laid out for people.</param>
    /// <param name="more">Its own shapes.</param>
    public static JsonSerializerOptions Create(bool indented, params IReadOnlyList<IJsonTypeInfoResolver> more)
    {
        var options = new JsonSerializerOptions(JsonSerializerDefaults.Web) { WriteIndented = indented };
        Apply(options);
        options.TypeInfoResolver = JsonTypeInfoResolver.Combine([.. more, ReportJson.Default, AnythingElse()]);
        options.MakeReadOnly();
        return options;
    }

    /// <summary>Shapes found by reflection. A program of machine code has none: it knows its shapes beforehand.</summary>
    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "Not called where there is no reflection.")]
    [UnconditionalSuppressMessage("AOT", "IL3050", Justification = "Not called where there is no reflection.")]
    private static DefaultJsonTypeInfoResolver? AnythingElse() => JsonSerializer.IsReflectionEnabledByDefault ? new DefaultJsonTypeInfoResolver() : null;

    /// <summary>Enumerations that do not say it themselves (<see cref="WordJsonConverter{T}"/>).</summary>
    [UnconditionalSuppressMessage("AOT", "IL3050", Justification = "Not called where there is no reflection.")]
    private static JsonStringEnumConverter AnyWord() => new(JsonNamingPolicy.CamelCase, allowIntegerValues: false);
}

/// <summary>Enumerations as camelCase words, never as numbers.</summary>
public sealed class WordJsonConverter<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.CamelCase, allowIntegerValues: false)
    where T : struct, Enum;

/// <summary>Times as <c>2026-01-31T00:00:00Z</c>, to the second.</summary>
public sealed class UtcTimeJsonConverter : JsonConverter<DateTimeOffset>
{
    private const string Format = "yyyy-MM-dd'T'HH:mm:ss'Z'";

    /// <summary>The text of a time.</summary>
    public static string TextOf(DateTimeOffset time) => time.UtcDateTime.ToString(Format, CultureInfo.InvariantCulture);

    /// <inheritdoc />
    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && reader.TryGetDateTimeOffset(out DateTimeOffset time)
            ? time.ToUniversalTime()
            : throw new JsonException("A time in ISO 8601 is needed.");

    /// <inheritdoc />
    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) => writer.WriteStringValue(TextOf(value));
}
