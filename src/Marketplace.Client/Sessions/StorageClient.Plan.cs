using System.Buffers.Binary;
using Marketplace.Client.Deals;
using Marketplace.Client.Discovery;
using Marketplace.Client.Placing;
using Marketplace.Client.Sources;
using Marketplace.Client.Uploads;
using Marketplace.Domain;
using Marketplace.Network;

namespace Marketplace.Client.Sessions;

/// <content>Deciding where a bundle goes and what it costs, before a byte is sent.</content>
public sealed partial class StorageClient
{
    /// <summary>How long nodes are asked whether they are there and have room, before anything is sent.</summary>
    public static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(4);

    /// <summary>Plans a bundle. With <paramref name="probe"/>, to send it: nodes are asked, and the money must be there.</summary>
    private async Task<PutPlan> PlanAsync(
        IReadOnlyList<SourceObject> objects, Redundancy redundancy, PeriodNumber end, Price? priceMax, bool probe, CancellationToken token)
    {
        Task<Funds> asking = _session.Chain.FundsAsync(Client, _session.Actor?.Address ?? Client, token);
        NodeList nodes = await _session.DiscoverAsync(token);
        Funds funds = await asking;
        Moment now = nodes.Now;
        if (funds.PriceMax is { } allowed && (priceMax is null || allowed.CompareTo(priceMax.Value) < 0)) priceMax = allowed;

        int slots = redundancy.Shards;
        Dictionary<NodeId, NodeFacts> facts = nodes.Nodes.Where(node => node.Peer is not null && !node.IsOut).ToDictionary(node => node.Id);
        Fit fit = await FitAsync([.. facts.Values.Select(node => Candidate(nodes, node))]);
        if (probe && fit.IsWhole)
        {
            // Money first: whoever has none hears that, and no node is asked anything. A price is told to everyone.
            funds.Require(fit.Price);
            NodeCandidate[] asked = [.. fit.Placed.Chosen, .. fit.Placed.Spares];
            fit = await FitAsync(await Task.WhenAll(asked.Select(node => ProbeAsync(facts[node.Id], node, token))));
            if (fit.IsWhole) funds.Require(fit.Price);
        }

        if (!fit.IsWhole)
        {
            throw new MarketException(
                MarketErrorCode.Incomplete,
                $"{slots} nodes are needed for {redundancy}, and {fit.Placed.Chosen.Count} of {nodes.Nodes.Count} can take {ByteSize.Format(fit.BundleBytes / redundancy.Needed)} each now.",
                "choose a smaller redundancy, or wait for more nodes; nothing was sent or paid");
        }

        return new PutPlan(
            now, redundancy, fit.Objects, end, fit.BundleBytes, [.. fit.Placed.Chosen.Select(Target)], [.. fit.Placed.Spares.Select(Target)], fit.Price, funds);

        UploadTarget Target(NodeCandidate node) => new(facts[node.Id].Peer!, node.Owner, node.Price);

        // What the contract checks when a slot is filled: the stake covers so many periods of all pay, at the price that the node asks.
        // That is a stranger's number: one for which there is no rate leaves its node out, and nobody else.
        bool CanCarry(NodeCandidate asking, ulong shardBytes)
        {
            NodeFacts node = facts[asking.Id];
            if (!asking.Price.TryRateFor(shardBytes, now.Schedule.PeriodBlocks, now.Schedule.BlockSeconds, out Rate rate)) return false;
            UInt128 needed = ((UInt128)node.RatePerPeriod + rate.Units) * _session.Parameters.StakePeriods;
            return shardBytes <= node.CapacityBytes && needed <= node.Stake.Units;
        }

        // A stream of unknown length is cut until nodes have room for it and the money keeps it; to nothing, if need be.
        async Task<Fit> FitAsync(IReadOnlyList<NodeCandidate> known)
        {
            for (IReadOnlyList<SourceObject> sized = objects; ;)
            {
                long bundleBytes = BundleBound.BytesMax(sized, redundancy);
                ulong shardBytes = (ulong)(bundleBytes / redundancy.Needed);
                PlacementPlan placed = Placement.Choose([.. known.Where(node => CanCarry(node, shardBytes))], slots, shardBytes, Salt(), priceMax);
                bool isWhole = placed.Chosen.Count >= slots;
                TokenAmount price = isWhole ? await PriceOfAsync(placed.Chosen, shardBytes, redundancy, now, end, token) : TokenAmount.Zero;
                bool fits = isWhole && price <= funds.Spendable;
                if (fits || !probe || OpenLength.BytesOf(sized) is not > 0) return new Fit(sized, bundleBytes, placed, isWhole, price);
                sized = isWhole ? OpenLength.CutByMoney(sized, funds.Spendable, price) : OpenLength.CutByRoom(sized);
            }
        }
    }

    private ulong Salt() => BinaryPrimitives.ReadUInt64LittleEndian(Client.ToArray());

    private static NodeCandidate Candidate(NodeList nodes, NodeFacts node)
    {
        NodeSighting? seen = nodes.SightingOf(node.Id);
        uint? silent = node.RatePerPeriod == 0 || node.LastProved is not { } last || last >= nodes.Now.Period ? null : nodes.Now.Period.Value - last.Value;
        return new NodeCandidate(node.Id, node.Owner, node.Peer!.Endpoint.Host, node.Price, (ulong?)seen?.FreeBytes, seen?.Online, silent);
    }

    private async Task<NodeCandidate> ProbeAsync(NodeFacts node, NodeCandidate known, CancellationToken token)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(token);
        patience.CancelAfter(ProbeTimeout);
        try
        {
            NodeAnswer<NodeInfo> answer = await _session.Nodes.For(node.Peer!).GetInfoAsync(patience.Token);
            if (!answer.IsOk || answer.Value!.Id != node.Id) return known with { Online = false };
            var asked = new Price(answer.Value.Price);
            return known with
            {
                Online = true,
                FreeBytes = answer.Value.FreeBytes,
                Price = asked.CompareTo(known.Price) > 0 ? asked : known.Price,
            };
        }
        catch (OperationCanceledException) when (!token.IsCancellationRequested)
        {
            return known with { Online = false };
        }
    }

    private Task<TokenAmount> PriceOfAsync(
        IReadOnlyList<NodeCandidate> nodes, ulong shardBytes, Redundancy redundancy, Moment now, PeriodNumber end, CancellationToken token)
    {
        Rate rate = nodes.Max(node => node.Price).RateFor(shardBytes, now.Schedule.PeriodBlocks, now.Schedule.BlockSeconds);
        return _session.Chain.QuoteAsync(rate, redundancy.Shards, end.Value - now.Period.Value - 1, token);
    }

    /// <summary>Nodes for a bundle of a length, and its price; not whole if there are too few.</summary>
    private sealed record Fit(IReadOnlyList<SourceObject> Objects, long BundleBytes, PlacementPlan Placed, bool IsWhole, TokenAmount Price);
}
