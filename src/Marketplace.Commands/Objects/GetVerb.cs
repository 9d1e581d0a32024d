using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Marketplace.Commands.Shell;
using Marketplace.Client.Json;
using Marketplace.Client.Names;
using Marketplace.Domain;

namespace Marketplace.Commands.Objects;

/// <summary><c>market get</c>.</summary>
internal static class GetVerb
{
    private const string StandardOutput = "-";

    public static Verb Create()
    {
        var name = new Argument<string>("NAME") { Description = "A file, link or folder; see market ls." };
        var output = new Option<string>("--output", "-o") { Description = "The object's new place; - is standard output. Otherwise its last part, here.", HelpName = "PATH" };
        var range = new Option<(long, long)?>("--range")
        {
            Description = "Only these bytes of a file, from 0, both ends included.",
            HelpName = "A-B",
            CustomParser = ReadRange,
        };
        var force = new Option<bool>("--force") { Description = "Replace files that are there." };
        Option<bool> older = ClientRun.OlderOption();
        return new Verb("get", "Bring a file or folder back, from any nodes that suffice.") { name, output, range, force, older }
            .Example("get photos")
            .Example("get work/report.pdf -o report.pdf --force")
            .Example("get video.mp4 --range 0-65535 -o -")
            .Runs(run => GetAsync(run, ClientRun.NameOf(run.Get(name)), run.Get(output), run.Get(range), run.Get(force), run.Get(older)));
    }

    private static async Task GetAsync(VerbRun run, string name, string? output, (long, long)? range, bool force, bool older)
    {
        bool toOutput = output == StandardOutput;
        if (toOutput && run.Output.Json) throw new MarketException(MarketErrorCode.Usage, "Standard output cannot hold both the file and JSON", "name a file: -o PATH");
        string path = output ?? Path.Combine(Directory.GetCurrentDirectory(), ObjectName.LastPart(name));
        using ClientRun client = await ClientRun.OpenAsync(run, older);
        GetReport report = await run.Output.WithProgressAsync(async lines =>
        {
            var bars = new StageBars(lines);
            if (!toOutput)
            {
                return range is null
                    ? await client.Client.GetAsync(name, path, force, bars, run.Cancellation)
                    : await client.Client.GetRangeAsync(name, range, path, force, bars, run.Cancellation);
            }

            await using Stream stdout = Console.OpenStandardOutput();
            return await client.Client.GetAsync(name, range, stdout, bars, run.Cancellation);
        });
        foreach (NodeFault fault in report.Faults) run.Output.Note(Shown.Fault(fault));
        if (toOutput) return;
        run.Output.Write(report, text =>
            text.Line($"{report.Path}: {Shown.Count(report.Files, "file", "files")}, {Shown.Size(report.Bytes)}, {Shown.Took(report.Seconds)}"));
    }

    private static (long, long)? ReadRange(ArgumentResult result)
    {
        string[] ends = result.Tokens.Count == 1 ? result.Tokens[0].Value.Split('-') : [];
        if (ends.Length == 2 &&
            long.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out long from) &&
            long.TryParse(ends[1], NumberStyles.None, CultureInfo.InvariantCulture, out long to) && from <= to)
        {
            return (from, to);
        }

        result.AddError("A range is two numbers with a dash between, such as 0-1023: the first and the last byte.");
        return null;
    }
}
