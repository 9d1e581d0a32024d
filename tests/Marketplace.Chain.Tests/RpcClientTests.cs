using System.Text.Json;
using Marketplace.Chain.Eth;
using Marketplace.Chain.Rpc;
using Marketplace.Chain.Tests.Peer;
using Marketplace.Network;
using Marketplace.Testing;
using Microsoft.Extensions.Time.Testing;

namespace Marketplace.Chain.Tests;

public sealed class RpcClientTests : IDisposable
{
    private readonly LimitingEndpoint _bad = new();
    private readonly LimitingEndpoint _good = new();
    private readonly RpcOptions _options = new() { RoundPause = TimeSpan.FromMilliseconds(1), RequestTimeout = TimeSpan.FromSeconds(2) };

    public RpcClientTests()
    {
        _good.Answer = static body => (200, Result(body, "\"0x7a69\""));
    }

    [Theory]
    [InlineData(500, "an error page")]
    [InlineData(429, "{}")]
    [InlineData(200, "<html>")]
    [InlineData(200, "[]")]
    [InlineData(200, """{"jsonrpc":"2.0","id":999,"result":"0x1"}""")]
    [InlineData(200, """{"jsonrpc":"2.0","result":"0x1"}""")]
    public async Task An_endpoint_that_fails_is_passed_over_and_then_asked_last(int status, string body)
    {
        _bad.Answer = _ => (status, body);
        using RpcClient client = RpcClient.Parse($"{_bad.Url},{_good.Url}", _options);

        Assert.Equal("0x7a69", (await client.CallAsync("eth_chainId", [])).GetString());
        Assert.Equal("0x7a69", (await client.CallAsync("eth_chainId", [])).GetString());

        Assert.Equal(1, _bad.Requests);
        Assert.Equal(2, _good.Requests);
    }

    [Fact]
    public async Task An_endpoint_that_its_user_distrusts_is_asked_last_for_a_while()
    {
        _bad.Answer = static body => (200, Result(body, "\"0x1\""));
        FakeTimeProvider time = new();
        using RpcClient client = RpcClient.Parse($"{_bad.Url},{_good.Url}", _options, time);
        Assert.Equal("0x1", (await client.CallAsync("eth_blockNumber", [])).GetString());

        client.DistrustCurrent();

        Assert.Equal("0x7a69", (await client.CallAsync("eth_blockNumber", [])).GetString());
        time.Advance(_options.FailedEndpointRest * 2);
        Assert.Equal("0x7a69", (await client.CallAsync("eth_blockNumber", [])).GetString());
        client.DistrustCurrent();
        Assert.Equal("0x1", (await client.CallAsync("eth_blockNumber", [])).GetString());
    }

    [Fact]
    public async Task An_endpoint_that_is_not_there_is_passed_over()
    {
        using RpcClient client = RpcClient.Parse($"http://127.0.0.1:{LocalPorts.Take()}, {_good.Url}", _options);

        Assert.Equal("0x7a69", (await client.CallAsync("eth_chainId", [])).GetString());
    }

    [Fact]
    public async Task An_endpoint_that_does_not_answer_in_time_is_passed_over()
    {
        _bad.Answer = static _ =>
        {
            Thread.Sleep(TimeSpan.FromSeconds(3));
            return (200, "");
        };
        FakeTimeProvider time = new();
        using RpcClient client = RpcClient.Parse($"{_bad.Url},{_good.Url}", _options, time);

        Task<JsonElement> call = client.CallAsync("eth_chainId", []);
        while (_bad.Requests == 0) await Task.Yield();
        time.Advance(_options.RequestTimeout);

        Assert.Equal("0x7a69", (await call).GetString());
    }

    [Fact]
    public async Task When_none_answers_the_error_names_hosts_and_no_secret_of_the_url()
    {
        int port = LocalPorts.Take();
        using RpcClient client = RpcClient.Parse($"http://name:word@127.0.0.1:{port}/secret-path?key=secret-key", _options);

        RpcConnectionException e = await Assert.ThrowsAsync<RpcConnectionException>(() => client.CallAsync("eth_chainId", []));

        Assert.Contains($"127.0.0.1:{port}", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("word", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_error_of_the_chain_is_an_answer_and_not_asked_elsewhere()
    {
        _bad.Answer = static body => (200, $$$"""{"jsonrpc":"2.0","id":{{{Id(body)}}},"error":{"code":-32601,"message":"no such method"}}""");
        using RpcClient client = RpcClient.Parse($"{_bad.Url},{_good.Url}", _options);

        RpcResponseException e = await Assert.ThrowsAsync<RpcResponseException>(() => client.CallAsync("eth_nothing", []));

        Assert.Equal((-32601, "no such method"), (e.Code, e.Text));
        Assert.Equal(0, _good.Requests);
    }

    [Theory]
    [InlineData("""{"code":3,"message":"execution reverted","data":"0x0102"}""")]
    [InlineData("""{"code":-32603,"message":"reverted","data":{"message":"x","data":"0x0102"}}""")]
    [InlineData("""{"code":-32015,"message":"VM execution error","data":"Reverted 0x0102"}""")]
    [InlineData("""{"code":-32000,"message":"x","data":{"originalError":{"data":"0x0102"}}}""")]
    public async Task Revert_data_is_found_where_nodes_put_it(string error)
    {
        _good.Answer = body => (200, $$$"""{"jsonrpc":"2.0","id":{{{Id(body)}}},"error":{{{error}}}}""");
        using RpcClient client = RpcClient.Parse(_good.Url, _options);

        RpcResponseException e = await Assert.ThrowsAsync<RpcResponseException>(() => client.CallAsync("eth_call", []));

        Assert.Equal([1, 2], e.RevertData);
    }

    [Fact]
    public async Task A_log_in_a_place_that_no_block_has_is_a_malformed_answer()
    {
        string hash = "0x" + new string('1', 64);
        string log = $$"""{"address":"0x{{new string('1', 40)}}","topics":[],"data":"0x","blockNumber":"0x1","blockHash":"{{hash}}","transactionHash":"{{hash}}","transactionIndex":"0x0","logIndex":"INDEX"}""";
        string index = "0x1";
        _good.Answer = body => (200, Result(body, $"[{log.Replace("INDEX", index, StringComparison.Ordinal)}]"));
        using var web3 = new Web3(_good.Url);
        Assert.Equal(1U, Assert.Single(await web3.Eth.GetLogsAsync(new LogFilter(), 0, 1)).LogIndex);

        index = "0x100000000";

        await Assert.ThrowsAsync<RpcFormatException>(() => web3.Eth.GetLogsAsync(new LogFilter(), 0, 1));
    }

    [Fact]
    public async Task What_moves_a_test_chain_is_not_sent_twice()
    {
        _bad.Answer = static _ => (200, "lost");
        using RpcClient client = RpcClient.Parse($"{_bad.Url},{_good.Url}", _options);

        await Assert.ThrowsAsync<RpcConnectionException>(() => client.CallAsync("evm_mine", []));

        Assert.Equal(0, _good.Requests);
    }

    [Fact]
    public async Task Results_of_a_batch_stand_in_the_order_of_the_requests_whatever_the_order_of_the_answers()
    {
        _good.Answer = static body =>
        {
            using JsonDocument requests = JsonDocument.Parse(body);
            IEnumerable<string> answers = requests.RootElement.EnumerateArray().Reverse().Select(static request =>
                $$"""{"jsonrpc":"2.0","id":{{request.GetProperty("id")}},"result":"{{request.GetProperty("method").GetString()}}"}""");
            return (200, $"[{string.Join(',', answers)}]");
        };
        using RpcClient client = RpcClient.Parse(_good.Url, _options with { BatchRequestsMax = 3 });

        IReadOnlyList<RpcResult> results = await client.BatchAsync([.. Enumerable.Range(0, 8).Select(static index => new RpcRequest("m" + index))]);

        Assert.Equal(["m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7"], results.Select(static result => result.Require().GetString()));
        Assert.Equal(3, _good.Requests);
    }

    [Theory]
    [InlineData("ftp://127.0.0.1/")]
    [InlineData("127.0.0.1:8545")]
    public void What_is_no_http_url_is_refused(string url) => Assert.Throws<FormatException>(() => RpcClient.Parse(url));

    public void Dispose()
    {
        _bad.Dispose();
        _good.Dispose();
    }

    private static string Result(string body, string result) => $$"""{"jsonrpc":"2.0","id":{{Id(body)}},"result":{{result}}}""";

    private static long Id(string body) => JsonDocument.Parse(body).RootElement.GetProperty("id").GetInt64();
}
