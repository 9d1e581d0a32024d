using System.CommandLine;
using Marketplace.Commands.Shell;
using Marketplace.Commands.Wallet;
using Marketplace.Client.Json;
using Marketplace.Client.Sessions;
using Marketplace.Domain;

namespace Marketplace.Commands.Objects;

/// <summary>The verbs about what is stored: <c>put get ls stat rm verify extend nodes deals</c>.</summary>
internal static class ObjectVerbs
{
    public static IEnumerable<Command> All() => [PutVerb.Create(), GetVerb.Create(), List(), Stat(), Remove(), Verify(), Extend(), Nodes(), Deals()];

    private static Verb List()
    {
        var prefix = new Argument<string>("PREFIX") { Description = "A folder, or how names begin.", Arity = ArgumentArity.ZeroOrOne, DefaultValueFactory = _ => "" };
        var recursive = new Option<bool>("--recursive", "-r") { Description = "Everything below, not one level." };
        return new Verb("ls", "List what is stored.") { prefix, recursive }
            .Example("ls")
            .Example("ls photos -r --json")
            .Runs(run => ListAsync(run, run.Get(prefix), run.Get(recursive)));
    }

    private static async Task<int> ListAsync(VerbRun run, string prefix, bool recursive)
    {
        using ClientRun client = await ClientRun.OpenAsync(run);
        ListReport report = await client.Client.ListAsync(prefix, recursive, run.Cancellation);
        run.Output.Write(report, text =>
        {
            if (report.Objects.Count == 0) return;
            text.Table(
                ["name", ">size", ">version", "modified", "redundancy", "paid until"],
                report.Objects.Select(one => new[]
                {
                    Shown.Name(one.Name) + one.Kind switch { ObjectKind.Folder => "/", ObjectKind.Symlink => "@", _ => "" },
                    Shown.Size(one.Bytes),
                    $"{one.Version}",
                    Shown.Time(one.ModifiedAt),
                    one.Redundancy?.ToString(),
                    Shown.Time(one.PaidUntil),
                }));
        });
        return run.Output.Finish(report.Error);
    }

    private static Verb Stat()
    {
        Argument<string> name = Name();
        Option<bool> older = ClientRun.OlderOption();
        return new Verb("stat", "Show an object, its deals, and who holds and proves its shards.") { name, older }
            .Example("stat photos")
            .Runs(run => StatAsync(run, ClientRun.NameOf(run.Get(name)), run.Get(older)));
    }

    private static async Task StatAsync(VerbRun run, string name, bool older)
    {
        using ClientRun client = await ClientRun.OpenAsync(run, older);
        StatReport report = await client.Client.StatAsync(name, run.Cancellation);
        run.Output.Write(report, text =>
        {
            text.Pairs(
                ("name", Shown.Name(report.Name)),
                ("kind", Shown.Word(report.Kind)),
                ("files", $"{report.Files}"),
                ("size", Shown.Size(report.Bytes)),
                ("version", $"{report.Version}"),
                ("modified", Shown.Time(report.ModifiedAt)),
                ("redundancy", report.Redundancy?.ToString()),
                ("paid until", Shown.Time(report.PaidUntil)),
                ("period", $"{report.Period}"));
            foreach (DealReport deal in report.Deals) WriteDeal(text, deal);
        });
    }

    private static void WriteDeal(TextOutput text, DealReport deal)
    {
        text.Line("");
        text.Line($"deal {deal.Id}, {Shown.Word(deal.State)}: bundle {Shown.Size(deal.BundleBytes)}, periods {deal.OpensAtPeriod} to {deal.EndsAtPeriod.Value - 1}, " +
            $"locked {deal.Locked}, paid {deal.Paid}, refunded {deal.Refunded}");
        text.Table(
            [">slot", "state", ">node", "", ">shard", ">last proved", ">paid", "root"],
            deal.Slots.Select(slot => new[]
            {
                $"{slot.Index}",
                Shown.Word(slot.State),
                slot.Node?.ToString(),
                Shown.Online(slot.Online) ?? "",
                Shown.Size(slot.ShardBytes),
                slot.LastProvedPeriod?.ToString(),
                slot.Paid?.ToString(),
                slot.Root?.ToString(),
            }));
    }

    private static Verb Remove()
    {
        Argument<string> name = Name();
        return new Verb("rm", "Forget a name. Its deals run on until they end; a small deal keeps the note.") { name }
            .Example("rm photos/old.jpg")
            .Runs(run => RemoveAsync(run, ClientRun.NameOf(run.Get(name))));
    }

    private static async Task<int> RemoveAsync(VerbRun run, string name)
    {
        using ClientRun client = await ClientRun.OpenAsync(run);
        RemoveReport report = await run.Output.WithProgressAsync(lines => client.Client.RemoveAsync(name, new StageBars(lines), run.Cancellation));
        run.Output.Write(report, text => text.Line($"{Shown.Name(report.Name)} is forgotten ({Shown.Count(report.Files, "file", "files")}), noted in deal {report.Deals[0].Id} for {report.Price} tokens"));
        return run.Output.Finish(report.Error);
    }

    private static Verb Verify()
    {
        Argument<string> name = Name();
        var deep = new Option<bool>("--deep") { Description = "Let every node read and hash all its bytes for the answer." };
        Option<bool> older = ClientRun.OlderOption();
        return new Verb("verify", "Ask every node of an object for its root now, and compare with the chain.") { name, deep, older }
            .Example("verify photos --deep")
            .Runs(run => VerifyAsync(run, ClientRun.NameOf(run.Get(name)), run.Get(deep), run.Get(older)));
    }

    private static async Task<int> VerifyAsync(VerbRun run, string name, bool deep, bool older)
    {
        using ClientRun client = await ClientRun.OpenAsync(run, older);
        VerifyReport report = await client.Client.VerifyAsync(name, deep, run.Cancellation);
        run.Output.Write(report, text =>
        {
            text.Table(
                [">deal", ">slot", ">node", "state", "root on chain", "root reported"],
                report.Deals.SelectMany(deal => deal.Slots.Select(slot => new[]
                {
                    $"{deal.Id}", $"{slot.Index}", slot.Node?.ToString(), StateOf(slot.State), slot.RootOnChain?.ToString(), slot.RootReported?.ToString(),
                })));
            if (report.Ok) text.Line("every slot is right");
        });
        return run.Output.Finish(report.Error);
    }

    private static string StateOf(SlotVerdict verdict) => verdict switch
    {
        SlotVerdict.WrongBytes => "wrong bytes",
        SlotVerdict.WrongRoot => "wrong root",
        _ => Shown.Word(verdict),
    };

    private static Verb Extend()
    {
        Argument<string> name = Name();
        Option<DurationWord> duration = Words.Duration("--for", "How much longer than now paid; rounded up to whole periods.", PutTerms.Default.For);
        Option<bool> older = ClientRun.OlderOption();
        return new Verb("extend", "Keep an object longer.") { name, duration, older }
            .Example("extend photos --for 90d")
            .Runs(run => ExtendAsync(run, ClientRun.NameOf(run.Get(name)), run.GetRequired(duration).Value, run.Get(older)));
    }

    private static async Task ExtendAsync(VerbRun run, string name, TimeSpan longer, bool older)
    {
        using ClientRun client = await ClientRun.OpenAsync(run, older);
        ExtendReport report = await client.Client.ExtendAsync(name, longer, run.Cancellation);
        run.Output.Write(report, text =>
            text.Line($"{Shown.Name(report.Name)} is paid until {Shown.Time(report.PaidUntil)} UTC, {report.Price} tokens locked, deals {string.Join(", ", report.Deals.Select(deal => deal.Id))}"));
    }

    private static Verb Nodes() => new Verb("nodes", "List the nodes of the market.")
        .Example("nodes")
        .Runs(NodesAsync);

    private static async Task NodesAsync(VerbRun run)
    {
        using ClientRun client = await ClientRun.OpenReadOnlyAsync(run);
        NodesReport report = (await client.Session.DiscoverAsync(run.Cancellation)).Report();
        run.Output.Write(report, text =>
        {
            text.Table(
                [">id", "", ">price", ">free", ">capacity", ">stake", ">last proved", ">earned", ">rewarded", "url"],
                report.Nodes.Select(node => new[]
                {
                    node.Id.ToString(),
                    Shown.Online(node.Online) ?? "?",
                    node.Price.ToString(),
                    Shown.Size(node.FreeBytes),
                    Shown.Size(node.CapacityBytes),
                    node.Stake.ToString(),
                    node.LastProvedPeriod?.ToString(),
                    node.Earned?.ToString(),
                    node.Rewarded?.ToString(),
                    Shown.Name(node.Url),
                }));
            text.Line($"as of block {report.Block}, told by {(report.Source is NodeSource.Keepers ? "chain and keepers" : "the chain alone")}");
        });
    }

    private static Verb Deals() => new Verb("deals", "List the account's deals.")
        .Example("deals --json")
        .Runs(DealsAsync);

    private static async Task DealsAsync(VerbRun run)
    {
        using ClientRun client = await ClientRun.OpenReadOnlyAsync(run);
        DealsReport report = await client.Session.DealsAsync(run.ReadAddress(), run.Cancellation);
        run.Output.Write(report, text =>
        {
            text.Table(
                [">id", "state", ">bundle", ">slots", ">from", ">until", ">locked", ">paid", ">refunded", "nodes"],
                report.Deals.Select(deal => new[]
                {
                    $"{deal.Id}",
                    Shown.Word(deal.State),
                    Shown.Size(deal.BundleBytes),
                    $"{deal.Slots.Count(slot => slot.State is SlotState.Filled)}/{deal.Slots.Count}",
                    deal.OpensAtPeriod.ToString(),
                    deal.EndsAtPeriod.ToString(),
                    deal.Locked.ToString(),
                    deal.Paid.ToString(),
                    deal.Refunded.ToString(),
                    string.Join(" ", deal.Slots.Select(slot => slot.Node?.ToString() ?? "-")),
                }));
            text.Line($"period {report.Period}");
        });
    }

    private static Argument<string> Name() => new("NAME") { Description = "A file, link or folder; see market ls." };
}
