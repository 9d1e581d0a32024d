using System.Collections.Concurrent;
using System.Net;
using Marketplace.Network;
using Marketplace.Testing;

namespace Marketplace.Node.Tests;

/// <summary>An operator's webhook: keeps what it is sent and answers with a status of the test's choice.</summary>
internal sealed class HookServer : IDisposable
{
    private readonly HttpListener _listener = new();

    public HookServer()
    {
        Url = new Uri($"http://127.0.0.1:{LocalPorts.Take()}/hook/with-a-secret-in-its-path");
        _listener.Prefixes.Add($"http://127.0.0.1:{Url.Port}/");
        _listener.Start();
        _ = ServeAsync();
    }

    public Uri Url { get; }

    public int Status { get; set; } = 200;

    public ConcurrentQueue<(string Path, string? Time, string? Signature, byte[] Body)> Calls { get; } = new();

    public void Dispose() => _listener.Close();

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                HttpListenerContext context = await _listener.GetContextAsync();
                using var body = new MemoryStream();
                await context.Request.InputStream.CopyToAsync(body);
                Calls.Enqueue((context.Request.Url!.AbsolutePath, context.Request.Headers[AlertMessage.TimeHeader], context.Request.Headers[AlertMessage.SignatureHeader], body.ToArray()));
                context.Response.StatusCode = Status;
                if (Status is 302) context.Response.RedirectLocation = $"http://127.0.0.1:{Url.Port}/elsewhere";
                context.Response.Close();
            }
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // The test is over.
        }
    }
}
