using System.Globalization;
using System.Text.Json;

namespace Marketplace.EndToEnd.Tests;

[Collection(nameof(FiveNodes))]
public sealed class ProvingTests(FiveNodes devnet)
{
    [Fact]
    public async Task Replicas_agree_and_every_slot_is_proved_and_paid()
    {
        string file = TestFiles.Write(Path.Combine(devnet.Scratch, "proved"), 3_000_000);
        (await devnet.MarketAsync("put", file, "--for", "1h")).Expect(0);
        JsonElement verified = (await devnet.MarketAsync("verify", "proved", "--json")).Expect(0).Json;
        Assert.True(verified.GetProperty("ok").GetBoolean());
        string[] roots = [.. Slots(verified).Select(slot => slot.GetProperty("rootReported").GetString()!)];
        Assert.Equal(3, roots.Length);
        Assert.Single(roots.Distinct());

        JsonElement stat = await Devnet.EventuallyAsync("three slots proved and paid", 120, async () =>
        {
            JsonElement now = (await devnet.MarketAsync("stat", "proved", "--json")).Expect(0).Json;
            return Slots(now).All(slot => slot.GetProperty("lastProvedPeriod").ValueKind == JsonValueKind.Number && Paid(slot) > 0)
                ? now
                : null;
        });
        foreach (JsonElement slot in Slots(stat))
        {
            Assert.Equal("filled", slot.GetProperty("state").GetString());
            Assert.Equal(roots[0], slot.GetProperty("root").GetString());
            Assert.True(slot.GetProperty("node").GetInt32() > 0);
        }
    }

    [Fact]
    public async Task A_doctor_finds_a_running_node_well_and_says_what_a_stopped_one_lacks()
    {
        string folder = devnet.Node(5).GetProperty("dataDir").GetString()!;
        JsonElement well = (await devnet.MarketAsync("node", "doctor", "--data", folder, "--json")).Expect(0).Json;
        Assert.True(well.GetProperty("ok").GetBoolean());
        Dictionary<string, string> states = well.GetProperty("checks").EnumerateArray()
            .ToDictionary(check => check.GetProperty("name").GetString()!, check => check.GetProperty("state").GetString()!);
        Assert.Equal(["disk", "volume.0", "rpc", "clock", "proof", "reach", "register", "stake", "gas", "bonds"], states.Keys);
        Assert.All(new[] { "disk", "rpc", "clock", "reach", "register", "gas" }, name => Assert.Equal("ok", states[name]));

        devnet.KillNode(5);
        try
        {
            JsonElement away = (await devnet.MarketAsync("node", "doctor", "--data", folder, "--json")).Expect(1).Json;
            JsonElement reach = away.GetProperty("checks").EnumerateArray().Single(check => check.GetProperty("name").GetString() == "reach");
            Assert.Equal("failed", reach.GetProperty("state").GetString());
            Assert.NotEqual(JsonValueKind.Null, reach.GetProperty("advice").ValueKind);
        }
        finally
        {
            await devnet.StartAsync("node:5");
        }
    }

    [Fact]
    public async Task A_restarted_node_goes_on_proving_and_earns_the_mining_reward()
    {
        string file = TestFiles.Write(Path.Combine(devnet.Scratch, "restarted"), 20_000_000);
        (await devnet.MarketAsync("put", file, "--for", "1h")).Expect(0);
        JsonElement before = (await devnet.MarketAsync("stat", "restarted", "--json")).Expect(0).Json;
        int node = Slots(before).First().GetProperty("node").GetInt32();
        devnet.KillNode(node);
        await devnet.StartAsync($"node:{node}");
        uint restartedAt = before.GetProperty("period").GetUInt32();
        await Devnet.EventuallyAsync("a proof after the restart", 150, async () =>
        {
            JsonElement now = (await devnet.MarketAsync("stat", "restarted", "--json")).Expect(0).Json;
            JsonElement last = Slots(now).Single(slot => slot.GetProperty("node").GetInt32() == node).GetProperty("lastProvedPeriod");
            return last.ValueKind == JsonValueKind.Number && last.GetUInt32() > restartedAt ? now : null;
        });
        await Devnet.EventuallyAsync("a mining reward", 150, async () =>
        {
            JsonElement nodes = (await devnet.MarketAsync("nodes", "--json")).Expect(0).Json;
            return nodes.GetProperty("nodes").EnumerateArray().Any(entry => Amount(entry, "rewarded") > 0 && Amount(entry, "earned") > 0)
                ? nodes
                : null;
        });
    }

    [Fact]
    public async Task A_deal_that_ended_gives_back_what_was_not_proved()
    {
        string file = TestFiles.Write(Path.Combine(devnet.Scratch, "short"), 100_000);
        JsonElement put = (await devnet.MarketAsync("put", file, "--for", "40s", "--json")).Expect(0).Json;
        int deal = put.GetProperty("deals")[0].GetProperty("id").GetInt32();
        await Devnet.EventuallyAsync("the ended deal settled or gone from what is locked", 180, async () =>
        {
            JsonElement deals = (await devnet.MarketAsync("deals", "--json")).Expect(0).Json;
            JsonElement[] same = [.. deals.GetProperty("deals").EnumerateArray().Where(entry => entry.GetProperty("id").GetInt32() == deal)];
            return same.Length == 0 || same[0].GetProperty("state").GetString() == "ended" ? deals : null;
        });
    }

    private static IEnumerable<JsonElement> Slots(JsonElement answer) =>
        answer.GetProperty("deals").EnumerateArray().SelectMany(deal => deal.GetProperty("slots").EnumerateArray());

    private static decimal Paid(JsonElement slot) => Amount(slot, "paid");

    private static decimal Amount(JsonElement element, string name) =>
        element.GetProperty(name) is { ValueKind: JsonValueKind.String } text ? decimal.Parse(text.GetString()!, CultureInfo.InvariantCulture) : 0;
}
