using System.Net;
using System.Text;
using Marketplace.Chain.Accounts;
using Marketplace.Client.Discovery;
using Marketplace.Client.Json;
using Marketplace.Domain;
using Marketplace.Hosting;
using Marketplace.Network;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Marketplace.Keeper.Tests;

/// <summary>What a keeper signs may be anything: the client takes what fits the protocol, and no more memory than that needs.</summary>
public sealed class HostileKeeperTests
{
    [Theory]
    [InlineData(KeeperClient.NodesPerPageMax, null)]
    [InlineData(KeeperClient.NodesPerPageMax + 1, KeeperFault.Malformed)]
    [InlineData(300_000, KeeperFault.Malformed)]
    public async Task A_page_has_no_more_nodes_than_were_asked_for(int count, KeeperFault? fault)
    {
        string page = Page(string.Join(',', Enumerable.Range(1, count).Select(id => $$"""{"id":{{id}}}""")));
        await using HostileKeeper keeper = await HostileKeeper.StartAsync(_ => page);
        KeeperAnswer<KeeperNodesReport> answer = await keeper.AskAsync();
        Assert.Equal(fault, answer.Fault);
        if (fault is null) Assert.Equal(count, answer.Value!.Nodes.Count);
    }

    [Fact]
    public async Task An_answer_of_many_small_objects_is_refused_wherever_they_stand()
    {
        string page = Page("null").Replace("null]", $"],\"more\":[{string.Join(',', Enumerable.Repeat("{}", KeeperClient.AnswerObjectsMax))}]", StringComparison.Ordinal);
        await using HostileKeeper keeper = await HostileKeeper.StartAsync(_ => page);
        Assert.Equal(KeeperFault.Malformed, (await keeper.AskAsync()).Fault);
    }

    [Fact]
    public async Task Pages_full_of_text_are_read_only_to_a_limit()
    {
        const int CharsPerPage = 3 << 20;
        int pages = 0;
        await using HostileKeeper keeper = await HostileKeeper.StartAsync(
            _ => Page($$"""{"id":{{++pages}},"url":"{{new string('u', CharsPerPage)}}"}""", next: "\"more\""));
        Assert.Equal(KeeperFault.Malformed, (await keeper.AskAsync()).Fault);
        Assert.Equal((KeeperClient.ListCharsMax / CharsPerPage) + 1, pages);
    }

    private static string Page(string nodes, string next = "null") =>
        $$"""{"block":1,"blockHash":"{{default(Hash32)}}","source":"keepers","next":{{next}},"nodes":[{{nodes}}]}""";

    /// <summary>Signs whatever the test wants to have said.</summary>
    private sealed class HostileKeeper(WebApplication app, Account key) : IAsyncDisposable
    {
        public static async Task<HostileKeeper> StartAsync(Func<string, string> answer)
        {
            Account key = Account.Create();
            WebApplicationBuilder builder = MarketHost.CreateBuilder(new MarketHostOptions());
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
            WebApplication app = builder.Build();
            app.Run(async context =>
            {
                string target = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
                byte[] body = Encoding.UTF8.GetBytes(answer(target));
                context.Response.Headers[KeeperSignature.SignatureHeader] = KeeperSignature.Sign(new AccountSigner(key), target, body);
                await context.Response.Body.WriteAsync(body);
            });
            await app.StartAsync();
            return new HostileKeeper(app, key);
        }

        public async Task<KeeperAnswer<KeeperNodesReport>> AskAsync()
        {
            var peer = new KeeperPeer(PeerEndpoint.Parse(MarketHost.AddressesOf(app)[0].GetLeftPart(UriPartial.Authority)), key.Address);
            using var client = new KeeperClient(peer, EndpointGate.ForChain(EndpointGate.DevelopmentChainId), new ChainMessageVerifier());
            return await client.GetNodesAsync(new NodeQuery(), CancellationToken.None);
        }

        public async ValueTask DisposeAsync()
        {
            await app.DisposeAsync();
            key.Dispose();
        }
    }
}
