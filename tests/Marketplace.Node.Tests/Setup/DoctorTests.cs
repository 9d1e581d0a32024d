using System.Net;
using System.Net.Sockets;
using Marketplace.Chain.Accounts;
using Marketplace.Domain;
using Marketplace.Network;
using Marketplace.Testing;

namespace Marketplace.Node.Tests;

[Collection(MarketCollection.Name)]
public sealed class DoctorTests(MarketFixture market) : IDisposable
{
    private readonly string _dataDir = Path.Combine(Directory.CreateTempSubdirectory("market-node-").FullName, "data");
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    public void Dispose()
    {
        _listener.Dispose();
        Directory.Delete(Path.GetDirectoryName(_dataDir)!, recursive: true);
    }

    [Fact]
    public async Task A_node_that_was_made_a_moment_ago_is_told_whether_others_will_reach_it_and_what_stake_covers_it()
    {
        var free = new IPEndPoint(IPAddress.Loopback, LocalPorts.Take());
        Init(free, null);

        IReadOnlyList<NodeCheck> checks = await ExamineAsync();

        Assert.Equal(["disk", "volume.0", "rpc", "clock", "proof", "reach", "register", "stake"], checks.Select(check => check.Name));
        Assert.Equal(CheckState.Ok, checks.Single(check => check.Name == "reach").State);
        Assert.Contains("tokens of stake", checks[^1].Finding, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_address_that_leads_elsewhere_is_told_before_anything_is_staked()
    {
        var free = new IPEndPoint(IPAddress.Loopback, LocalPorts.Take());
        _listener.Start();
        Init(free, PeerEndpoint.Https((IPEndPoint)_listener.LocalEndpoint));

        NodeCheck reach = (await ExamineAsync()).Single(check => check.Name == "reach");

        Assert.Equal(CheckState.Warning, reach.State);
        Assert.NotNull(reach.Advice);
    }

    [Fact]
    public async Task A_port_that_is_taken_is_told()
    {
        _listener.Start();
        Init((IPEndPoint)_listener.LocalEndpoint, null);

        Assert.Equal(CheckState.Failed, (await ExamineAsync()).Single(check => check.Name == "reach").State);
    }

    private void Init(IPEndPoint listen, PeerEndpoint? url) => NodeSetup.Init(new NodeInit
    {
        DataDir = _dataDir,
        CapacityBytes = 1 << 30,
        Price = TokenAmount.Parse("100"),
        Passphrase = RunningTestNode.Passphrase,
        Listen = listen,
        Url = url,
        Strength = KeyStoreStrength.Light,
    });

    private Task<IReadOnlyList<NodeCheck>> ExamineAsync() => NodeDoctor.ExamineAsync(_dataDir, _ => Task.FromResult(market.Owner), TimeProvider.System, sendAlert: false, default);
}
