using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Marketplace.Domain;

namespace Marketplace.Node;

/// <summary>What happened to an alert.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<AlertChange>))]
public enum AlertChange
{
    /// <summary>It began.</summary>
    [JsonStringEnumMemberName("raised")]
    Raised,

    /// <summary>It is over.</summary>
    [JsonStringEnumMemberName("cleared")]
    Cleared,

    /// <summary>Nothing happened: the operator wants to see whether messages arrive.</summary>
    [JsonStringEnumMemberName("test")]
    Test,
}

/// <summary>The JSON that the operator's webhook gets. docs/protocol/alerts.md specifies it.</summary>
/// <param name="Id">The same when the message is sent again.</param>
/// <param name="Node">The node.</param>
/// <param name="Change">What happened.</param>
/// <param name="Alert">What it is about.</param>
/// <param name="Severity"><c>warning</c> or <c>failed</c>; <c>ok</c> for a test.</param>
/// <param name="Text">One line for people.</param>
/// <param name="At">When it happened.</param>
public sealed record AlertMessage(string Id, NodeId Node, AlertChange Change, string Alert, CheckState Severity, string Text, DateTimeOffset At)
{
    /// <summary>The header with the signature.</summary>
    public const string SignatureHeader = "Market-Signature";

    /// <summary>The header with the time of sending, in Unix seconds, which is signed too.</summary>
    public const string TimeHeader = "Market-Time";

    /// <summary>A new message.</summary>
    public static AlertMessage Make(NodeId node, AlertChange change, NodeAlert alert, DateTimeOffset at) =>
        new(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)), node, change, alert.Key, alert.Severity, alert.Text, at);

    /// <summary>The body, UTF-8.</summary>
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, NodeFilesJson.Default.AlertMessage);

    /// <summary>The signature of a body: <c>sha256=</c> and HMAC-SHA256, in lower-case hexadecimal digits, of time, a full stop and the body.</summary>
    public static string Sign(ReadOnlySpan<byte> secret, long unixSeconds, ReadOnlySpan<byte> body) => "sha256=" + Convert.ToHexStringLower(
        HMACSHA256.HashData(secret, [.. Encoding.ASCII.GetBytes(unixSeconds.ToString(CultureInfo.InvariantCulture)), (byte)'.', .. body]));
}
