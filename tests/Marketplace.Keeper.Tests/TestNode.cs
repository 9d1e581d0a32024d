using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Marketplace.Chain.Accounts;
using Marketplace.Client.Discovery;
using Marketplace.Domain;
using Marketplace.Hosting;
using Marketplace.Keeper.Indexing;
using Marketplace.Network;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace Marketplace.Keeper.Tests;

/// <summary>A node as far as pings go: a real port, real TLS with its own certificate, beats signed by its hot key.</summary>
internal sealed class TestNode : IAsyncDisposable
{
    public static readonly MarketScope Scope = new(31337, ScriptedChain.AddressOf(77));

    private readonly X509Certificate2 _certificate = SelfSigned();
    private readonly Account _hot = Account.Create();
    private readonly uint _id;
    private readonly MarketScope _scope;
    private WebApplication? _app;
    private int _port;
    private int _pings;

    private TestNode(uint id, MarketScope scope)
    {
        _id = id;
        _scope = scope;
    }

    /// <summary>Its hot key.</summary>
    public Account Hot => _hot;

    /// <summary>Signs with a stranger's key instead of the hot key.</summary>
    public bool Forges { get; set; }

    /// <summary>The space that it claims.</summary>
    public ulong FreeBytes { get; set; } = 1 << 20;

    public int Pings => Volatile.Read(ref _pings);

    /// <summary>Its entry in the register.</summary>
    public NodeRegistered Entry => ScriptedChain.Registered(
        _id, endpoint: $"https://127.0.0.1:{_port}", hot: _hot.Address, fingerprint: CertificateFingerprint.Of(_certificate).Sha256);

    public static async Task<TestNode> StartAsync(uint id, MarketScope? scope = null)
    {
        var node = new TestNode(id, scope ?? Scope);
        await node.ListenAsync();
        return node;
    }

    /// <summary>Stops listening at once, as a process that was killed.</summary>
    public async Task KillAsync()
    {
        await _app!.DisposeAsync();
        _app = null;
    }

    /// <summary>Listens again where it did before.</summary>
    public async Task ListenAsync()
    {
        WebApplicationBuilder builder = MarketHost.CreateBuilder(new MarketHostOptions());
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, _port, listen => listen.UseHttps(_certificate)));
        _app = builder.Build();
        _app.MapGet("/v1/ping", (string nonce) =>
        {
            Interlocked.Increment(ref _pings);
            var signer = new AccountSigner(Forges ? Account.Create() : _hot);
            return Results.Json(Beat.Sign(signer, _scope, new NodeId(_id), nonce, new BlockNumber(5), FreeBytes, "1.2.3"), NodeJson.Default.Beat);
        });
        await _app.StartAsync();
        _port = MarketHost.AddressesOf(_app)[0].Port;
    }

    public async ValueTask DisposeAsync()
    {
        if (_app is not null) await _app.DisposeAsync();
        _certificate.Dispose();
        _hot.Dispose();
    }

    private static X509Certificate2 SelfSigned()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=node", key, HashAlgorithmName.SHA256);
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }
}
