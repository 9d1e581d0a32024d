using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using Marketplace.Client.Json;
using Marketplace.Domain;
using Marketplace.Network;

namespace Marketplace.Client.Discovery;

/// <summary>A keeper as the register on chain, or a setting of the user, names it.</summary>
/// <param name="Endpoint">Where it answers.</param>
/// <param name="Key">Who signs its answers; <c>null</c> where only an address was given, and any key will do.</param>
public sealed record KeeperPeer(PeerEndpoint Endpoint, Address? Key);

/// <summary>Which nodes are wanted.</summary>
/// <param name="Online">Only those that the keeper sees online (or does not).</param>
/// <param name="MinFreeBytes">Only those that say they have so much free.</param>
/// <param name="MaxPrice">Only those that ask at most so many tokens per GiB and 30 days.</param>
public sealed record NodeQuery(bool? Online = null, ulong? MinFreeBytes = null, TokenAmount? MaxPrice = null);

/// <summary>Why a keeper's answer was not used.</summary>
public enum KeeperFault
{
    /// <summary>No answer, or not in time.</summary>
    Unreachable,

    /// <summary>It says that it cannot or will not.</summary>
    Refused,

    /// <summary>Not signed by its key, for this question.</summary>
    BadSignature,

    /// <summary>Too long, or not in the shape of the protocol.</summary>
    Malformed,

    /// <summary>It speaks of a block that is too old, or not on our chain.</summary>
    Stale,
}

/// <summary>What a keeper gave: a value, or the reason why there is none.</summary>
public readonly record struct KeeperAnswer<T>(T? Value, KeeperFault? Fault)
    where T : class;

/// <summary>
/// Asks one keeper. An answer is a value only if it is signed by the keeper's key for exactly this question; whether what it says is
/// true is for the caller to check. Bounded in time and memory; only the caller's cancellation throws. Safe for concurrent calls.
/// </summary>
public sealed class KeeperClient : IDisposable
{
    /// <summary>Longest answer that is read.</summary>
    public const int AnswerBytesMax = 4 << 20;

    /// <summary>Longest time for one answer.</summary>
    public static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Objects of JSON in one answer: a full page of nodes, or a deal with all its slots, and what encloses them.</summary>
    public const int AnswerObjectsMax = 600;

    /// <summary>Nodes on one page, as the protocol allows; so many are asked for.</summary>
    public const int NodesPerPageMax = 500;

    /// <summary>Pages of one list that are read.</summary>
    public const int PagesMax = 16;

    /// <summary>Characters of text in all nodes of one list.</summary>
    public const int ListCharsMax = 8 << 20;

    private const int NonceBytes = 16;
    private const int CursorCharsMax = 128;

    private readonly HttpClient _http;
    private readonly IMessageVerifier _verifier;
    private readonly TimeProvider _time;

    /// <param name="peer">The keeper.</param>
    /// <param name="gate">Decides which addresses may be reached: a keeper's endpoint was written by a stranger.</param>
    /// <param name="verifier">Tells who signed.</param>
    /// <param name="time">The clock; null for the machine's.</param>
    public KeeperClient(KeeperPeer peer, EndpointGate gate, IMessageVerifier verifier, TimeProvider? time = null)
    {
        Peer = peer;
        _verifier = verifier;
        _time = time ?? TimeProvider.System;
        _http = new HttpClient(gate.CreateHandler(), disposeHandler: true) { BaseAddress = peer.Endpoint.Uri, Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>The keeper.</summary>
    public KeeperPeer Peer { get; }

    /// <summary>
    /// Nodes that fit, page after page, all of one block or nothing newer than the first page's. At most <see cref="PagesMax"/> pages.
    /// </summary>
    public async Task<KeeperAnswer<KeeperNodesReport>> GetNodesAsync(NodeQuery query, CancellationToken token)
    {
        KeeperNodesReport? whole = null;
        var nodes = new List<KeeperNode>();
        string? cursor = null;
        long chars = 0;
        for (int page = 0; page < PagesMax; page++)
        {
            KeeperAnswer<KeeperNodesReport> answer = await GetAsync<KeeperNodesReport>("/v1/nodes?" + Write(query, cursor), token);
            if (answer.Value is not { } report) return answer;
            // Ids ascend over all pages: a keeper that repeats itself would keep us reading.
            foreach (KeeperNode? node in report.Nodes ?? [])
            {
                if (node is null || (nodes.Count > 0 && node.Id.Value <= nodes[^1].Id.Value)) return new(null, KeeperFault.Malformed);
                chars += (node.Url?.Length ?? 0) + (node.Fingerprint?.Length ?? 0) + (node.Version?.Length ?? 0);
                nodes.Add(node);
            }

            if (report.Nodes?.Count > NodesPerPageMax || chars > ListCharsMax) return new(null, KeeperFault.Malformed);

            whole ??= report;
            cursor = report.Next;
            if (cursor is null || report.Nodes is not { Count: > 0 }) break;
            if (cursor.Length > CursorCharsMax) return new(null, KeeperFault.Malformed);
        }

        return new(whole! with { Nodes = nodes, Next = cursor }, null);
    }

    /// <summary>One node; refused if the keeper knows none of that number.</summary>
    public Task<KeeperAnswer<KeeperNode>> GetNodeAsync(NodeId id, CancellationToken token) => GetAsync<KeeperNode>($"/v1/nodes/{id}?", token);

    /// <summary>One deal; refused if the keeper knows none of that name.</summary>
    public Task<KeeperAnswer<DealReport>> GetDealAsync(DealId id, CancellationToken token) => GetAsync<DealReport>($"/v1/deals/{id}?", token);

    /// <summary>Closes the connections.</summary>
    public void Dispose() => _http.Dispose();

    private static string Write(NodeQuery query, string? cursor)
    {
        string text = string.Create(CultureInfo.InvariantCulture, $"limit={NodesPerPageMax}&");
        if (query.Online is { } online) text += $"online={(online ? "true" : "false")}&";
        if (query.MinFreeBytes is { } free) text += string.Create(CultureInfo.InvariantCulture, $"minFreeBytes={free}&");
        if (query.MaxPrice is { } price) text += $"maxPrice={price}&";
        if (cursor is not null) text += $"cursor={Uri.EscapeDataString(cursor)}&";
        return text;
    }

    private async Task<KeeperAnswer<T>> GetAsync<T>(string targetStart, CancellationToken token)
        where T : class
    {
        string nonce = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(NonceBytes));
        var target = new Uri(Peer.Endpoint.Uri, $"{targetStart}{KeeperSignature.NonceParameter}={nonce}");
        using var deadline = new CancellationTokenSource(AnswerTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, token);
        try
        {
            using HttpResponseMessage response = await _http.GetAsync(target, HttpCompletionOption.ResponseHeadersRead, either.Token);
            if (response.StatusCode != HttpStatusCode.OK) return new(null, KeeperFault.Refused);
            if (await ReadAsync(response, either.Token) is not { } body) return new(null, KeeperFault.Malformed);
            string? signature = response.Headers.TryGetValues(KeeperSignature.SignatureHeader, out IEnumerable<string>? values) ? values.FirstOrDefault() : null;
            bool signed = KeeperSignature.TryRecover(_verifier, target.PathAndQuery, body, signature, out Address signer) &&
                (Peer.Key is null || signer == Peer.Key);
            if (!signed) return new(null, KeeperFault.BadSignature);
            if (CountObjects(body) > AnswerObjectsMax) return new(null, KeeperFault.Malformed);
            T? value = JsonSerializer.Deserialize(body, MarketJson.ShapeOf<T>());
            return value is null ? new(null, KeeperFault.Malformed) : new(value, null);
        }
        catch (JsonException)
        {
            return new(null, KeeperFault.Malformed);
        }
        catch (Exception e) when (!token.IsCancellationRequested && e is OperationCanceledException or HttpRequestException or IOException)
        {
            return new(null, KeeperFault.Unreachable);
        }
    }

    /// <summary>Objects in the text, counted before any is made: a few bytes may stand for one that takes hundreds.</summary>
    private static int CountObjects(ReadOnlySpan<byte> json)
    {
        int count = 0;
        var reader = new Utf8JsonReader(json);
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.StartObject) count++;
        }

        return count;
    }

    private static async Task<byte[]?> ReadAsync(HttpResponseMessage response, CancellationToken token)
    {
        if (response.Content.Headers.ContentLength > AnswerBytesMax) return null;
        await using Stream stream = await response.Content.ReadAsStreamAsync(token);
        using var body = new MemoryStream();
        byte[] buffer = new byte[16 * 1024];
        while (true)
        {
            int read = await stream.ReadAsync(buffer, token);
            if (read == 0) return body.ToArray();
            if (body.Length + read > AnswerBytesMax) return null;
            body.Write(buffer, 0, read);
        }
    }
}
