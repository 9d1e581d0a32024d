using System.CommandLine;
using Marketplace.Commands.Shell;
using Marketplace.Client.Json;
using Marketplace.Client.Sessions;
using Marketplace.Client.Sources;
using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Commands.Objects;

/// <summary><c>market put</c>.</summary>
internal static class PutVerb
{
    public static Verb Create()
    {
        var paths = new Argument<string[]>("PATH") { Description = "Files and folders to store.", Arity = ArgumentArity.OneOrMore };
        var name = new Option<string>("--as") { Description = "The object's name; with several PATHs the folder that holds them.", HelpName = "NAME" };
        Option<Redundancy> redundancy = Words.Option("--redundancy", "K/N", "N shards on N nodes, any K of which give the bytes back.", Redundancy.Default);
        Option<DurationWord> duration = Words.Duration("--for", "How long; rounded up to whole periods.", PutTerms.Default.For);
        Option<int> level = Words.Number("--level", "How hard to compress: 0 not at all, 22 slowest and smallest.", ChunkCompressor.LevelNone, ChunkCompressor.LevelMax, PutTerms.Default.Level);
        var quote = new Option<bool>("--quote") { Description = "Say what it would cost at most, and do nothing." };
        return new Verb("put", "Store files and folders with nodes, for money from escrow.") { paths, name, redundancy, duration, level, quote }
            .Example("put photos")
            .Example("put report.pdf --as work/report.pdf --for 90d")
            .Example("put photos --redundancy 4/10 --quote")
            .Runs(run => PutAsync(
                run,
                run.Get(paths),
                run.Get(name),
                new PutTerms(run.GetRequired(redundancy), run.GetRequired(duration).Value, Level: run.GetRequired(level)),
                run.Get(quote)));
    }

    private static async Task<int> PutAsync(VerbRun run, string[] paths, string? name, PutTerms terms, bool quote)
    {
        IReadOnlyList<SourceObject> objects = SourceTree.Walk(paths, name, run.Cancellation);
        using ClientRun client = await ClientRun.OpenAsync(run);
        PutReport report = quote
            ? await client.Client.QuoteAsync(objects, terms, run.Cancellation)
            : await run.Output.WithProgressAsync(lines => client.Client.PutAsync(objects, terms, new StageBars(lines), run.Cancellation));
        run.Output.Write(report, text =>
        {
            foreach (PutObject one in report.Objects)
                text.Line($"{Shown.Name(one.Name)}: {(one.Kind is ObjectKind.Symlink ? "a link" : Shown.Count(one.Files, "file", "files"))}, {Shown.Size(one.Bytes)}, version {one.Version}");
            string until = $"{report.Redundancy} until {Shown.Time(report.Until)} UTC";
            if (quote) text.Line($"would cost at most {report.Price} tokens for {until}, as a bundle of at most {Shown.Size(report.BundleBytes)}");
            foreach (PutDeal deal in report.Deals)
                text.Line($"deal {deal.Id}: {deal.Slots.Filled} of {deal.Slots.Wanted} slots, {until}, {report.Locked} tokens locked, bundle {Shown.Size(report.BundleBytes)}, {Shown.Took(report.Seconds)}");
        });
        return run.Output.Finish(report.Error);
    }
}
