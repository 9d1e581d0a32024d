using System.Net;
using System.Text;
using System.Text.Json;
using Marketplace.Testing;

namespace Marketplace.Chain.Tests.Peer;

/// <summary>A real HTTP endpoint in front of a real chain, that can be made to fail as endpoints do.</summary>
internal sealed class LimitingEndpoint : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly HttpClient _http = new();
    private readonly Uri? _target;
    private int _requests;

    public LimitingEndpoint(string? target = null)
    {
        _target = target is null ? null : new Uri(target);
        Url = $"http://127.0.0.1:{LocalChain.FreePort()}/";
        _listener.Prefixes.Add(Url);
        _listener.Start();
        _ = ServeAsync();
    }

    public string Url { get; }

    /// <summary>How many requests came.</summary>
    public int Requests => Volatile.Read(ref _requests);

    /// <summary>Status and body instead of the chain's, or null to pass on.</summary>
    public Func<string, (int Status, string Body)?> Answer { get; set; } = static _ => null;

    /// <summary>The most blocks that a request for logs may span.</summary>
    public ulong LogBlocksMax { get; set; } = ulong.MaxValue;

    public void Dispose()
    {
        _listener.Close();
        _http.Dispose();
    }

    private async Task ServeAsync()
    {
        while (_listener.IsListening)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return;
            }

            _ = HandleAsync(context);
        }
    }

    private async Task HandleAsync(HttpListenerContext context)
    {
        try
        {
            Interlocked.Increment(ref _requests);
            using StreamReader reader = new(context.Request.InputStream);
            string body = await reader.ReadToEndAsync();
            (int status, string answer) = Answer(body) ?? (200, LimitLogs(body, await ForwardAsync(body)));
            context.Response.StatusCode = status;
            byte[] bytes = Encoding.UTF8.GetBytes(answer);
            await context.Response.OutputStream.WriteAsync(bytes);
            context.Response.Close();
        }
        catch (Exception e) when (e is HttpListenerException or HttpRequestException or ObjectDisposedException)
        {
            context.Response.Abort();
        }
    }

    private async Task<string> ForwardAsync(string body)
    {
        using StringContent content = new(body, Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await _http.PostAsync(_target, content);
        return await response.Content.ReadAsStringAsync();
    }

    /// <summary>Puts an error in the place of logs of too many blocks, as public endpoints do.</summary>
    private string LimitLogs(string body, string answer)
    {
        using JsonDocument requests = JsonDocument.Parse(body);
        if (requests.RootElement.ValueKind != JsonValueKind.Array) return answer;
        foreach (JsonElement request in requests.RootElement.EnumerateArray())
        {
            if (request.GetProperty("method").GetString() != "eth_getLogs") continue;
            JsonElement filter = request.GetProperty("params")[0];
            ulong blocks = Number(filter.GetProperty("toBlock")) - Number(filter.GetProperty("fromBlock")) + 1;
            if (blocks <= LogBlocksMax) continue;
            long id = request.GetProperty("id").GetInt64();
            using JsonDocument answers = JsonDocument.Parse(answer);
            return "[" + string.Join(',', answers.RootElement.EnumerateArray().Select(item => item.GetProperty("id").GetInt64() == id
                ? $$$"""{"jsonrpc":"2.0","id":{{{id}}},"error":{"code":-32005,"message":"query exceeds max block range"}}"""
                : item.GetRawText())) + "]";
        }

        return answer;
    }

    private static ulong Number(JsonElement quantity) => Convert.ToUInt64(quantity.GetString(), 16);
}
