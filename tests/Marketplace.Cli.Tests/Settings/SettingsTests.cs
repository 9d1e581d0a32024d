using System.CommandLine;
using Marketplace.Cli.Roles;
using Marketplace.Commands.Homes;
using Marketplace.Commands.Settings;
using Marketplace.Domain;

namespace Marketplace.Cli.Tests.Settings;

public sealed class SettingsTests
{
    private static readonly Dictionary<string, string> s_flag = new() { ["--rpc"] = "http://flag" };
    private static readonly Dictionary<string, string> s_environment = new() { ["MARKET_RPC_URL"] = "http://environment" };
    private static readonly Dictionary<string, string> s_file = new() { ["rpcUrl"] = "http://file" };
    private static readonly Dictionary<string, string> s_nothing = [];

    [Fact]
    public void A_flag_beats_the_environment_which_beats_the_file()
    {
        Assert.Equal("http://flag", Of(s_flag, s_environment, s_file)[SettingsTable.RpcUrl]);
        Assert.Equal("http://environment", Of(s_nothing, s_environment, s_file)[SettingsTable.RpcUrl]);
        Assert.Equal("http://file", Of(s_nothing, s_nothing, s_file)[SettingsTable.RpcUrl]);
        Assert.Null(Of(s_nothing, s_nothing, s_nothing)[SettingsTable.RpcUrl]);
    }

    [Fact]
    public void A_passphrase_in_the_file_is_not_taken()
    {
        Assert.Null(Of(s_nothing, s_nothing, new() { ["passphrase"] = "secret" })[SettingsTable.Passphrase]);
        using var scratch = new ScratchFolder();
        File.WriteAllText(scratch.File("market.yaml"), "passphrase: secret\n");
        Assert.Equal(MarketErrorCode.Usage, Assert.Throws<MarketException>(() => MarketSettings.ReadFile(scratch.File("market.yaml"))).Code);
    }

    [Fact]
    public void The_file_holds_plain_keys_and_values()
    {
        using var scratch = new ScratchFolder();
        string path = scratch.File("market.yaml");
        File.WriteAllText(path, "# a comment\nrpcUrl: http://127.0.0.1:9545\nwallet: \"/a b/wallet.json\"\n");
        IReadOnlyDictionary<string, string> values = MarketSettings.ReadFile(path);
        Assert.Equal("http://127.0.0.1:9545", values["rpcUrl"]);
        Assert.Equal("/a b/wallet.json", values["wallet"]);
        Assert.Empty(MarketSettings.ReadFile(scratch.File("absent.yaml")));
    }

    [Theory]
    [InlineData("rpcURL: http://x\n")]
    [InlineData("rpcUrl: [http://x]\n")]
    [InlineData("- rpcUrl\n")]
    [InlineData("rpcUrl: \"http://x\n")]
    public void A_file_that_is_not_understood_is_refused_with_its_line(string text)
    {
        using var scratch = new ScratchFolder();
        File.WriteAllText(scratch.File("market.yaml"), text);
        MarketException refused = Assert.Throws<MarketException>(() => MarketSettings.ReadFile(scratch.File("market.yaml")));
        Assert.Equal(MarketErrorCode.Usage, refused.Code);
        Assert.Contains("line ", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://a:1", "http://a:1")]
    [InlineData("http://a:1, https://b/key", "http://a:1,https://b/key")]
    [InlineData("http://a:1,ftp://b", null)]
    [InlineData(",", null)]
    public void Several_endpoints_of_the_chain_stand_between_commas(string text, string? urls)
    {
        using var scratch = new ScratchFolder();
        var environment = new Dictionary<string, string> { ["MARKET_RPC_URL"] = text, ["MARKET_HOME"] = scratch.File("home"), ["MARKET_DEVNET"] = "none" };
        MarketHome home = MarketHome.Find(_ => null, environment.GetValueOrDefault);
        if (urls is null) Assert.Equal(MarketErrorCode.Usage, Assert.Throws<MarketException>(() => home.RpcUrl).Code);
        else Assert.Equal(urls, home.RpcUrl);
    }

    [Theory]
    [InlineData(null, true)]
    [InlineData("127.0.0.1", true)]
    [InlineData("2001:db8::1", true)]
    [InlineData("8080", false)]
    [InlineData("127.0.0.1:80", false)]
    [InlineData("proxy.example", false)]
    [InlineData("10.0.0.0/8", false)]
    public void A_trusted_proxy_is_one_address(string? text, bool isOne)
    {
        MarketSettings settings = Of(s_nothing, text is null ? s_nothing : new() { ["MARKET_TRUSTED_PROXY"] = text }, s_nothing);
        if (isOne) Assert.Equal(text, RoleRun.TrustedProxyOf(settings)?.ToString());
        else Assert.Equal(MarketErrorCode.Usage, Assert.Throws<MarketException>(() => RoleRun.TrustedProxyOf(settings)).Code);
    }

    [Fact]
    public void The_page_in_docs_has_the_table_of_the_code()
    {
        string page = File.ReadAllText(Path.Combine(Repository.Folder, "docs", "settings.md"));
        Assert.True(page.Contains(SettingsTable.ToMarkdown(), StringComparison.Ordinal), "docs/settings.md needs this table:\n" + SettingsTable.ToMarkdown());
    }

    [Fact]
    public void The_page_in_docs_has_every_option_of_keeper_and_gateway_and_no_other()
    {
        string page = File.ReadAllText(Path.Combine(Repository.Folder, "docs", "settings.md"));
        Command[] roles = [KeeperVerbs.Group(), GatewayVerbs.Group()];
        string[] options = [.. roles.SelectMany(role => role.Subcommands.Single(verb => verb.Name == "run").Options).Select(option => $"`{option.Name} {option.HelpName}`")];
        Assert.All(options, option => Assert.Contains(option, page, StringComparison.Ordinal));
        string table = page[page.IndexOf("| flag | of |", StringComparison.Ordinal)..page.IndexOf("# Settings of a node", StringComparison.Ordinal)];
        Assert.All(table.Split('\n', StringSplitOptions.RemoveEmptyEntries)[2..], row => Assert.Contains(row.Split('|')[1].Trim(), options));
    }

    private static MarketSettings Of(Dictionary<string, string> flag, Dictionary<string, string> environment, Dictionary<string, string> file) =>
        new(flag.GetValueOrDefault, environment.GetValueOrDefault, file);
}
