using System.Globalization;
using Marketplace.Commands.Shell;
using Marketplace.Client.Json;
using Marketplace.Client.Names;
using Marketplace.Client.Uploads;
using Marketplace.Domain;

namespace Marketplace.Commands.Objects;

/// <summary>How facts look to people.</summary>
internal static class Shown
{
    public static string Name(string name) => ObjectName.ForTerminal(name);

    public static string Size(long bytes) => ByteSize.Format(bytes);

    public static string? Size(long? bytes) => bytes is { } known ? ByteSize.Format(known) : null;

    public static string? Time(DateTimeOffset? time) => time?.UtcDateTime.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);

    public static string? Online(bool? online) => online switch { true => "online", false => "offline", null => null };

    public static string Count(long count, string one, string many) => count == 1 ? $"1 {one}" : $"{count} {many}";

    public static string Took(double seconds) => string.Create(CultureInfo.InvariantCulture, $"{seconds:0.0} s");

    public static string Word(Enum value) => value.ToString().ToLowerInvariant();

    public static string Fault(NodeFault fault) => fault.Reason switch
    {
        FaultReason.WrongBytes => $"node {fault.Node} gave wrong bytes or none of what it should hold, and was passed over",
        FaultReason.Slow => $"node {fault.Node} was too slow, and was passed over",
        _ => $"node {fault.Node} did not answer, and was passed over",
    };
}

/// <summary>Shows the stages of a long call as bars, one for each.</summary>
internal sealed class StageBars(IProgressLines lines) : IProgress<ClientProgress>
{
    private readonly Lock _lock = new();
    private ClientStage? _stage;
    private IProgressLine? _line;
    private long _shown;

    public void Report(ClientProgress value)
    {
        lock (_lock)
        {
            if (_stage != value.Stage)
            {
                _stage = value.Stage;
                _shown = 0;
                _line = lines.Start(LabelOf(value.Stage), value.Total);
            }

            // Several readers report at once; the bar never goes back.
            _shown = Math.Max(_shown, value.Done);
            _line!.Report(_shown);
        }
    }

    private static string LabelOf(ClientStage stage) => stage switch
    {
        ClientStage.Preparing => "asking nodes",
        ClientStage.Sending => "sending",
        ClientStage.Refilling => "refilling slots",
        ClientStage.Opening => "opening the deal",
        _ => "receiving",
    };
}
