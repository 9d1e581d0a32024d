using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Marketplace.Domain;

namespace Marketplace.Chain.Rpc;

/// <summary>
/// JSON-RPC 2.0 over HTTP to one or several endpoints of the same chain. A request goes to the endpoint that answered last; when it
/// cannot be reached, is overloaded or sends nonsense, the next one is asked. An error that an endpoint answers with is an answer.
/// Safe for use by many threads.
/// </summary>
public sealed class RpcClient : IDisposable
{
    private readonly Endpoint[] _endpoints;
    private readonly HttpClient _http;
    private readonly RpcOptions _options;
    private readonly TimeProvider _time;
    private int _current;
    private long _lastId;

    /// <summary>Makes a client; nothing is sent yet.</summary>
    /// <param name="endpoints">HTTP or HTTPS URLs, the preferred one first. A user and password in the URL are sent as Basic authorization.</param>
    /// <param name="options">Limits; null for the defaults.</param>
    /// <param name="time">The clock that rests failed endpoints.</param>
    /// <param name="handler">Another way to send, for tests; the client disposes it.</param>
    public RpcClient(IReadOnlyList<Uri> endpoints, RpcOptions? options = null, TimeProvider? time = null, HttpMessageHandler? handler = null)
    {
        if (endpoints.Count == 0) throw new ArgumentException("At least one endpoint is needed.", nameof(endpoints));
        _endpoints = [.. endpoints.Select(static url => new Endpoint(url))];
        _options = options ?? new RpcOptions();
        _time = time ?? TimeProvider.System;
        _http = new HttpClient(handler ?? new SocketsHttpHandler { AllowAutoRedirect = false, PooledConnectionLifetime = TimeSpan.FromMinutes(10) })
        {
            Timeout = Timeout.InfiniteTimeSpan,
            MaxResponseContentBufferSize = _options.ResponseBytesMax,
        };
    }

    /// <summary>Makes a client from URLs separated by commas.</summary>
    /// <exception cref="FormatException">One of them is no HTTP URL.</exception>
    public static RpcClient Parse(string urls, RpcOptions? options = null, TimeProvider? time = null) => new(
        [.. urls.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(ParseUrl)], options, time);

    /// <summary>Calls one method.</summary>
    /// <exception cref="RpcResponseException">The endpoint answered with an error.</exception>
    /// <exception cref="RpcConnectionException">No endpoint answered.</exception>
    public async Task<JsonElement> CallAsync(string method, IReadOnlyList<JsonNode?> parameters, CancellationToken token = default)
    {
        IReadOnlyList<RpcResult> results = await BatchAsync([new RpcRequest(method, parameters)], token);
        return results[0].Require();
    }

    /// <summary>Calls several methods in one HTTP request (or a few, if there are very many). Results stand in the order of the requests.</summary>
    /// <exception cref="RpcConnectionException">No endpoint answered.</exception>
    public async Task<IReadOnlyList<RpcResult>> BatchAsync(IReadOnlyList<RpcRequest> requests, CancellationToken token = default)
    {
        List<RpcResult> results = new(requests.Count);
        foreach (RpcRequest[] part in requests.Chunk(_options.BatchRequestsMax)) results.AddRange(await SendAsync(part, token));
        return results;
    }

    /// <summary>
    /// Asks another endpoint first for a while, if there is one: for callers who see that the present one answers and is of no use,
    /// because it stands still or is behind.
    /// </summary>
    public void DistrustCurrent()
    {
        int current = Volatile.Read(ref _current);
        _endpoints[current].FailedAt = _time.GetTimestamp();
        Interlocked.CompareExchange(ref _current, (current + 1) % _endpoints.Length, current);
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private static Uri ParseUrl(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out Uri? parsed) && (parsed.Scheme == Uri.UriSchemeHttp || parsed.Scheme == Uri.UriSchemeHttps)
            ? parsed
            : throw new FormatException("An RPC endpoint is an http:// or https:// URL.");

    private async Task<RpcResult[]> SendAsync(RpcRequest[] requests, CancellationToken token)
    {
        long firstId = Interlocked.Add(ref _lastId, requests.Length) - requests.Length + 1;
        byte[] body = Write(requests, firstId);
        // What moves a development chain must not be done twice when an answer was lost.
        bool mayRepeat = !requests.Any(static request => IsChainControl(request.Method));
        Exception? last = null;
        string lastName = "";
        for (int round = 0; round < _options.RoundsMax; round++)
        {
            if (round > 0) await Task.Delay(_options.RoundPause, _time, token);
            foreach (int index in InOrder())
            {
                Endpoint endpoint = _endpoints[index];
                try
                {
                    RpcResult[] results = await PostAsync(endpoint, requests, body, firstId, token);
                    Volatile.Write(ref _current, index);
                    endpoint.FailedAt = null;
                    return results;
                }
                catch (Exception e) when (IsFaultOfEndpoint(e, token))
                {
                    endpoint.FailedAt = _time.GetTimestamp();
                    last = e;
                    lastName = endpoint.Name;
                    if (!mayRepeat) throw NoAnswer(requests, lastName, e);
                }
            }
        }

        throw NoAnswer(requests, lastName, last);
    }

    private static bool IsChainControl(string method) =>
        method.StartsWith("evm_", StringComparison.Ordinal) || method.StartsWith("hardhat_", StringComparison.Ordinal)
        || method.StartsWith("anvil_", StringComparison.Ordinal);

    private static bool IsFaultOfEndpoint(Exception e, CancellationToken token) =>
        e is HttpRequestException or RpcFormatException or IOException || (e is OperationCanceledException && !token.IsCancellationRequested);

    private RpcConnectionException NoAnswer(RpcRequest[] requests, string endpoint, Exception? inner)
    {
        string reason = inner is OperationCanceledException ? $"no answer within {_options.RequestTimeout.TotalSeconds:0.#} s" : inner?.Message ?? "";
        string where = _endpoints.Length == 1 ? endpoint : $"{_endpoints.Length} endpoints, last {endpoint}";
        return new RpcConnectionException($"{requests[0].Method}: the chain's RPC ({where}) does not answer: {reason}", inner);
    }

    /// <summary>The current endpoint first; those that failed lately last.</summary>
    private IEnumerable<int> InOrder()
    {
        int current = Volatile.Read(ref _current);
        return Enumerable.Range(0, _endpoints.Length)
            .Select(offset => (current + offset) % _endpoints.Length)
            .OrderBy(index => _endpoints[index].FailedAt is long failed && _time.GetElapsedTime(failed) < _options.FailedEndpointRest);
    }

    private async Task<RpcResult[]> PostAsync(Endpoint endpoint, RpcRequest[] requests, byte[] body, long firstId, CancellationToken token)
    {
        using CancellationTokenSource timeout = new(_options.RequestTimeout, _time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(token, timeout.Token);
        using HttpRequestMessage message = new(HttpMethod.Post, endpoint.Url) { Content = new ByteArrayContent(body) };
        message.Content.Headers.ContentType = new("application/json");
        message.Headers.Authorization = endpoint.Authorization;
        using HttpResponseMessage response = await _http.SendAsync(message, HttpCompletionOption.ResponseContentRead, either.Token);
        byte[] answer = await response.Content.ReadAsByteArrayAsync(either.Token);
        if (response.StatusCode is HttpStatusCode.TooManyRequests || (int)response.StatusCode >= 500 && !LooksLikeJson(answer))
            throw new HttpRequestException($"HTTP status {(int)response.StatusCode}");
        return RpcAnswer.Read(requests, firstId, answer, (int)response.StatusCode);
    }

    private static bool LooksLikeJson(byte[] answer) => answer.AsSpan().TrimStart((byte)' ') is [(byte)'{' or (byte)'[', ..];

    private static byte[] Write(RpcRequest[] requests, long firstId)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream))
        {
            if (requests.Length > 1) writer.WriteStartArray();
            for (int i = 0; i < requests.Length; i++)
            {
                writer.WriteStartObject();
                writer.WriteString("jsonrpc", "2.0");
                writer.WriteNumber("id", firstId + i);
                writer.WriteString("method", requests[i].Method);
                writer.WriteStartArray("params");
                foreach (JsonNode? parameter in requests[i].Parameters)
                {
                    if (parameter is null) writer.WriteNullValue();
                    else parameter.WriteTo(writer);
                }

                writer.WriteEndArray();
                writer.WriteEndObject();
            }

            if (requests.Length > 1) writer.WriteEndArray();
        }

        return stream.ToArray();
    }

    private sealed class Endpoint
    {
        public Endpoint(Uri url)
        {
            Name = url.GetComponents(UriComponents.HostAndPort, UriFormat.UriEscaped);
            if (url.UserInfo.Length == 0)
            {
                Url = url;
                return;
            }

            Url = new UriBuilder(url) { UserName = "", Password = "" }.Uri;
            Authorization = new("Basic", Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(Uri.UnescapeDataString(url.UserInfo))));
        }

        public Uri Url { get; }

        public string Name { get; }

        public System.Net.Http.Headers.AuthenticationHeaderValue? Authorization { get; }

        /// <summary>Timestamp of the last failure, or null.</summary>
        public long? FailedAt { get; set; }
    }
}
