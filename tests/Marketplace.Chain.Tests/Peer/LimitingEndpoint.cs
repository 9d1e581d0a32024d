using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Marketplace.Network;
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
        Url = $"http://127.0.0.1:{LocalPorts.Take()}/";
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

    /// <summary>Whether the connection breaks in the middle of an answer, told for each.</summary>
    public Func<bool> Breaks { get; set; } = static () => false;

    /// <summary>The height of a block that this endpoint has not got although its neighbours are there.</summary>
    public ulong? MissingBlock { get; set; }

    /// <summary>Runs before a request is passed on.</summary>
    public Func<string, Task> Before { get; set; } = static _ => Task.CompletedTask;

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
            await Before(body);
            (int status, string answer) = Answer(body) ?? (200, Spoil(body, await ForwardAsync(body)));
            context.Response.StatusCode = status;
            byte[] bytes = Encoding.UTF8.GetBytes(answer);
            if (Breaks())
            {
                context.Response.ContentLength64 = bytes.Length;
                await context.Response.OutputStream.WriteAsync(bytes.AsMemory(0, bytes.Length / 2));
                context.Response.Abort();
                return;
            }

            context.Response.Close(bytes, willBlock: false);
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

    /// <summary>Puts what this endpoint would say in the place of some of the chain's answers.</summary>
    private string Spoil(string body, string answer)
    {
        JsonNode requests = JsonNode.Parse(body)!, answers = JsonNode.Parse(answer)!;
        JsonNode?[] asked = requests is JsonArray many ? [.. many] : [requests];
        JsonNode?[] given = answers is JsonArray several ? [.. several] : [answers];
        foreach (JsonNode? request in asked)
        {
            JsonObject item = given.First(item => (long)item!["id"]! == (long)request!["id"]!)!.AsObject();
            JsonNode parameters = request!["params"]!;
            switch ((string)request["method"]!)
            {
                case "eth_getLogs" when Number(parameters[0]!["toBlock"]!) - Number(parameters[0]!["fromBlock"]!) + 1 > LogBlocksMax:
                    item.Remove("result");
                    item["error"] = new JsonObject { ["code"] = -32005, ["message"] = "query exceeds max block range" };
                    break;
                case "eth_getBlockByNumber" when ((string)parameters[0]!).StartsWith("0x", StringComparison.Ordinal) && Number(parameters[0]!) == MissingBlock:
                    item["result"] = null;
                    break;
            }
        }

        return answers.ToJsonString();
    }

    private static ulong Number(JsonNode quantity) => Convert.ToUInt64((string)quantity!, 16);
}
