using System.Text.Json;
using Marketplace.Commands.Shell;
using Marketplace.Domain;

namespace Marketplace.Cli.Tests.Shell;

public sealed class FailureTests
{
    [Fact]
    public void A_failure_is_one_line_with_what_to_do()
    {
        var failure = new MarketException(MarketErrorCode.InsufficientFunds, "Not enough\nmoney.", "deposit more") { Missing = TokenAmount.Parse("0.75") };
        Assert.Equal("error: Not enough money, missing 0.75 tokens — deposit more", Failure.Line(failure));
        Assert.Equal("error: It broke", Failure.Line(Failure.Of(new InvalidOperationException("It broke."))));
    }

    [Fact]
    public void What_people_typed_wrongly_is_a_usage_error_and_what_broke_is_not()
    {
        Assert.Equal(MarketErrorCode.Usage, Failure.Of(new FormatException("x")).Code);
        Assert.Equal(MarketErrorCode.Failed, Failure.Of(new IOException("x")).Code);
        Assert.Equal(MarketErrorCode.NotFound, Failure.Of(new AggregateException(new MarketException(MarketErrorCode.NotFound, "x"))).Code);
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("deposit")]
    [InlineData("deposit", "1.2.3")]
    [InlineData("deposit", "1", "2")]
    [InlineData("deposit", "1", "--nonsense")]
    [InlineData("allow", "0x70997970C51812dc3A010C7d01b50e0d17dc79C9", "1")]
    [InlineData("allow", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "1", "--for", "soon")]
    [InlineData("put", "file", "--level", "23")]
    [InlineData("put", "file", "--level", "-1")]
    [InlineData("wallet")]
    public async Task A_command_line_that_is_not_understood_ends_with_2(params string[] arguments)
    {
        Finished text = (await Market.RunAsync(arguments)).Expect(2);
        Assert.Empty(text.Output);
        Assert.StartsWith("error: ", text.Error, StringComparison.Ordinal);
        Assert.Single(text.Error.TrimEnd('\n').Split('\n'));

        Finished json = (await Market.RunAsync([.. arguments, "--json"])).Expect(2);
        Assert.Empty(json.Error);
        JsonElement error = json.Json.GetProperty("error");
        Assert.Equal("usage", error.GetProperty("code").GetString());
        Assert.NotEmpty(error.GetProperty("message").GetString()!);
        Assert.NotEmpty(error.GetProperty("hint").GetString()!);
    }

    [Fact]
    public async Task Help_shows_examples_and_is_no_failure()
    {
        Finished help = (await Market.RunAsync("deposit", "--help")).Expect(0);
        Assert.Contains("market deposit 10", help.Output, StringComparison.Ordinal);
        Assert.Contains("--rpc", help.Output, StringComparison.Ordinal);
        Assert.Contains("[default: 30d]", (await Market.RunAsync("put", "--help")).Expect(0).Output, StringComparison.Ordinal);
        (await Market.RunAsync("--help")).Expect(0);
        Assert.Matches(@"^\d+\.\d+\.\d+", (await Market.RunAsync("--version")).Expect(0).Output);
    }

    [Fact]
    public async Task A_chain_that_does_not_answer_is_named()
    {
        using var scratch = new ScratchFolder();
        Dictionary<string, string> home = new() { ["MARKET_HOME"] = scratch.Path, ["MARKET_PASSPHRASE"] = "correct horse" };
        (await Market.RunAsync(home, null, "wallet", "create")).Expect(0);
        Finished balance = (await Market.RunAsync(home, null, "balance", "--rpc", "http://127.0.0.1:9")).Expect(1);
        Assert.Contains("127.0.0.1", balance.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_is_looked_at_without_a_chain_too()
    {
        using var scratch = new ScratchFolder();
        Dictionary<string, string> home = new() { ["MARKET_HOME"] = scratch.Path, ["MARKET_PASSPHRASE"] = "correct horse", ["MARKET_RPC_URL"] = "http://127.0.0.1:9" };
        string node = scratch.File("node");

        Finished made = (await Market.RunAsync(home, null, "node", "init", "--data", node, "--capacity", "1GiB", "--price", "1", "--json")).Expect(0);
        Finished examined = (await Market.RunAsync(home, null, "node", "doctor", "--data", node, "--json")).Expect(1);

        foreach (Finished call in new[] { made, examined })
        {
            JsonElement[] checks = [.. call.Json.GetProperty("checks").EnumerateArray()];
            Assert.Equal(["disk", "volume.0", "rpc"], checks.Select(check => check.GetProperty("name").GetString()));
            Assert.Equal("failed", checks[2].GetProperty("state").GetString());
            Assert.Contains("127.0.0.1:9", checks[2].GetProperty("finding").GetString(), StringComparison.Ordinal);
        }
    }
}
