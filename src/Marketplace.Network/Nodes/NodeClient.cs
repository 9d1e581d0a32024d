using System.IO.Pipelines;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Runtime.ExceptionServices;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Network;

/// <summary>
/// Speaks to one node (docs/protocol/node-http.md). Whatever the node sends, a call ends within its deadlines, takes bounded memory,
/// and returns a <see cref="NodeAnswer{T}"/>; only the caller's own cancellation throws. Safe for concurrent calls.
/// </summary>
public sealed class NodeClient : IDisposable
{
    private const int LineCharsMax = 300;

    /// <summary>The largest shard that is sent without asking first whether it may come: the question would take longer.</summary>
    private const int SmallUploadBytesMax = 64 * 1024;

    private readonly HttpClient _http;
    private readonly NodeClientOptions _options;
    private readonly TimeProvider _time;
    private readonly MarketScope _scope;
    private readonly IMessageSigner? _signer;
    private readonly Lock _tokenLock = new();
    private (Address Client, string Text, DateTimeOffset RenewAt) _token;

    /// <param name="peer">The node, as the chain names it.</param>
    /// <param name="gate">Decides which addresses may be reached.</param>
    /// <param name="scope">The market that tokens are made for.</param>
    /// <param name="signer">Signs tokens for calls that need one; null for a reader of what is on chain.</param>
    /// <param name="options">Deadlines; null for the defaults.</param>
    /// <param name="time">The clock; null for the machine's.</param>
    public NodeClient(
        NodePeer peer, EndpointGate gate, MarketScope scope, IMessageSigner? signer = null, NodeClientOptions? options = null, TimeProvider? time = null)
    {
        Peer = peer;
        _scope = scope;
        _signer = signer;
        _options = options ?? new NodeClientOptions();
        _time = time ?? TimeProvider.System;
        _http = PinnedHttpClient.Create(gate, peer.Endpoint, peer.Fingerprint);
    }

    /// <summary>The node spoken to.</summary>
    public NodePeer Peer { get; }

    /// <summary>What the node says about itself.</summary>
    public Task<NodeAnswer<NodeInfo>> GetInfoAsync(CancellationToken token) => GetJsonAsync("v1/info", NodeJson.Default.NodeInfo, _options.AnswerTimeout, token);

    /// <summary>
    /// Asks the node for a sign of life and checks it: signed by the hot key, for a nonce of ours.
    /// A beat that is signed by somebody else is <see cref="NodeOutcome.Malformed"/>.
    /// </summary>
    public async Task<NodeAnswer<Beat>> PingAsync(IMessageVerifier verifier, CancellationToken token)
    {
        string nonce = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(Beat.NonceChars / 2));
        NodeAnswer<Beat> answer = await GetJsonAsync($"v1/ping?nonce={nonce}", NodeJson.Default.Beat, _options.AnswerTimeout, token);
        return answer.IsOk && !answer.Value!.IsFrom(Peer.HotAddress, Peer.Id, nonce, verifier, _scope)
            ? Fail<Beat>(NodeOutcome.Malformed, 0, "The beat is not signed by the node's hot key.")
            : answer;
    }

    /// <summary>
    /// Streams a shard to its place in a numbered deal, replacing what was uploaded there before. Ok means that the node says it flushed
    /// it; the caller compares the receipt with its own tree. The source is completed in every case, with an error if the node failed,
    /// so that its writer learns it from the next flush. If the writer completes it with an error, that error is thrown here.
    /// </summary>
    /// <param name="deal">The deal that will be opened. Its client, or an operator of that client, is the signer.</param>
    /// <param name="slot">The slot's index.</param>
    /// <param name="maxBytes">The node refuses more.</param>
    /// <param name="reserveBytes">The node reserves this much before the first byte, and more as they come; null for all of <paramref name="maxBytes"/>.</param>
    /// <param name="content">The shard's bytes, as they come. Its pause threshold is the back-pressure.</param>
    /// <param name="progress">Told the bytes handed to the connection so far.</param>
    /// <param name="token">Cancels.</param>
    public async Task<NodeAnswer<UploadReceipt>> UploadAsync(
        DealId deal, int slot, long maxBytes, long? reserveBytes, PipeReader content, IProgress<long>? progress, CancellationToken token)
    {
        Exception? failure = null;
        using var deadline = new Deadline(_time, _options.AnswerTimeout, Timeout.InfiniteTimeSpan, token);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Put, $"{SlotPath(deal, slot)}?maxBytes={maxBytes}{(reserveBytes is { } reserve ? $"&reserveBytes={reserve}" : "")}");
            Authorize(request, deal.Client);
            UploadContent? body = null;
            if (maxBytes <= SmallUploadBytesMax)
            {
                request.Content = new ByteArrayContent(await ReadWholeAsync(content, deadline));
                deadline.Restart(_options.FlushTimeout, _options.FlushTimeout);
            }
            else
            {
                request.Headers.ExpectContinue = true;
                request.Content = body = new UploadContent(content, deadline, _options, progress);
            }

            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
            NodeAnswer<UploadReceipt> answer = await CallAsync(
                request, deadline, (response, _) => ReadJsonAsync(response, NodeJson.Default.UploadReceipt, deadline));
            if (body?.SourceFailure is { } gaveUp) ExceptionDispatchInfo.Throw(gaveUp);
            if (answer.IsOk && body is null) progress?.Report(answer.Value!.Bytes);
            if (!answer.IsOk) failure = new IOException($"Node {Peer.Id} did not take the upload: {answer.Refusal?.Message}");
            return answer;
        }
        catch (Exception e)
        {
            failure = e;
            throw;
        }
        finally
        {
            await content.CompleteAsync(failure);
        }
    }

    /// <summary>
    /// Asks for the signed promise to keep an upload. Ok means that the answer speaks of exactly what was asked;
    /// who signed it is for the contract, or the caller, to check.
    /// </summary>
    public async Task<NodeAnswer<SignedAcceptance>> AcceptAsync(DealId deal, int slot, AcceptanceRequest terms, CancellationToken token)
    {
        using var deadline = new Deadline(_time, _options.AnswerTimeout, _options.AnswerTimeout, token);
        using var request = new HttpRequestMessage(HttpMethod.Post, SlotPath(deal, slot) + "/acceptance");
        Authorize(request, deal.Client);
        request.Content = JsonContent.Create(terms, NodeJson.Default.AcceptanceRequest);
        NodeAnswer<SignedAcceptance> answer = await CallAsync(
            request, deadline, (response, _) => ReadJsonAsync(response, NodeJson.Default.SignedAcceptance, deadline));
        if (!answer.IsOk) return answer;

        SignedAcceptance got = answer.Value!;
        bool asAsked = got.Node == Peer.Id && got.Client == deal.Client && got.Number == deal.Number && got.Slot == slot &&
            got.Root == terms.Root && got.Leaves == terms.Leaves && got.Rate == terms.Rate && got.MaxEnd == terms.MaxEnd &&
            got.Deadline == terms.Deadline && Hex.TryDecode(got.Signature, stackalloc byte[SignedAcceptance.SignatureBytes]);
        return asAsked ? answer : Fail<SignedAcceptance>(NodeOutcome.Malformed, 0, "The acceptance does not say what was asked.");
    }

    /// <summary>Takes an upload back that no deal was opened for. The node forgets it at once.</summary>
    public async Task<NodeAnswer<bool>> DeleteUploadAsync(DealId deal, int slot, CancellationToken token)
    {
        using var deadline = new Deadline(_time, _options.AnswerTimeout, _options.AnswerTimeout, token);
        using var request = new HttpRequestMessage(HttpMethod.Delete, SlotPath(deal, slot));
        Authorize(request, deal.Client);
        return await CallAsync<bool>(request, deadline, (_, _) => Task.FromResult<NodeAnswer<bool>>(true));
    }

    /// <summary>
    /// Reads a range of a shard and checks it against the root. Ok means that <paramref name="destination"/> holds exactly what was
    /// committed to; after any other outcome its content means nothing.
    /// </summary>
    /// <param name="shard">The root and leaf count that the chain (or our own tree) says.</param>
    /// <param name="offset">First byte, a multiple of <see cref="MerkleTree.LeafBytes"/>.</param>
    /// <param name="destination">As many bytes as are wanted: whole leaves, at most <see cref="NodeClientOptions.RangeBytesMax"/>.</param>
    /// <param name="owner">The client whose unopened upload is read; null for a shard on chain.</param>
    /// <param name="token">Cancels.</param>
    public async Task<NodeAnswer<int>> ReadAsync(ShardCommitment shard, long offset, Memory<byte> destination, Address? owner, CancellationToken token)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(destination.Length, NodeClientOptions.RangeBytesMax);
        ArgumentOutOfRangeException.ThrowIfNotEqual(offset % MerkleTree.LeafBytes, 0);
        ArgumentOutOfRangeException.ThrowIfNotEqual(destination.Length % MerkleTree.LeafBytes, 0);
        long firstLeaf = offset / MerkleTree.LeafBytes;
        int proofBytes = RangeProof.SizeBytes(shard.Leaves, firstLeaf, destination.Length / MerkleTree.LeafBytes);

        TimeSpan overall = _options.AnswerTimeout + TimeSpan.FromSeconds((double)destination.Length / _options.BytesPerSecondMin);
        using var deadline = new Deadline(_time, _options.IdleTimeout, overall, token);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"v1/shards/{shard.Root}?from={offset}&bytes={destination.Length}");
        if (owner is { } client) Authorize(request, client);
        return await CallAsync(request, deadline, async (response, body) =>
        {
            byte[] proof = new byte[proofBytes];
            bool whole = await FillAsync(body, proof, deadline) && await FillAsync(body, destination, deadline) && await IsAtEndAsync(body, deadline);
            if (!whole) return Fail<int>(NodeOutcome.WrongBytes, (int)response.StatusCode, "The answer has another length than the range asked for.");
            return RangeProof.Verify(shard, firstLeaf, destination.Span, proof)
                ? destination.Length
                : Fail<int>(NodeOutcome.WrongBytes, (int)response.StatusCode, "The bytes do not agree with the root.");
        });
    }

    /// <summary>The root that the node reports for a shard.</summary>
    /// <param name="shard">The shard asked about.</param>
    /// <param name="deep">Whether the node is to read and hash every byte for the answer.</param>
    /// <param name="token">Cancels.</param>
    /// <param name="owner">The client whose shard it is, for a node that has not yet seen the deal; null for anybody's question.</param>
    public Task<NodeAnswer<ReportedRoot>> GetRootAsync(ShardCommitment shard, bool deep, CancellationToken token, Address? owner = null)
    {
        TimeSpan limit = _options.AnswerTimeout + (deep ? TimeSpan.FromSeconds((double)shard.Bytes / _options.DeepBytesPerSecondMin) : TimeSpan.Zero);
        return GetJsonAsync($"v1/shards/{shard.Root}/root?deep={(deep ? "true" : "false")}", NodeJson.Default.ReportedRoot, limit, token, owner);
    }

    /// <summary>Closes the connections.</summary>
    public void Dispose() => _http.Dispose();

    /// <summary>All that is written to the pipe; the writer's time does not count.</summary>
    private static async Task<byte[]> ReadWholeAsync(PipeReader content, Deadline deadline)
    {
        deadline.Pause();
        using var whole = new MemoryStream();
        await content.CopyToAsync(whole, deadline.Token);
        return whole.ToArray();
    }

    private static string SlotPath(DealId deal, int slot) => $"v1/uploads/{deal.Client}/{deal.Number}/{slot}";

    private static NodeAnswer<T> Fail<T>(NodeOutcome outcome, int status, string message) => new(outcome, default, new NodeRefusal(status, "", message));

    private void Authorize(HttpRequestMessage request, Address client)
    {
        if (_signer is null) throw new InvalidOperationException("This client was made without a signer and cannot act for anyone.");
        string text;
        lock (_tokenLock)
        {
            DateTimeOffset now = _time.GetUtcNow();
            if (_token.Text is null || _token.Client != client || _token.RenewAt <= now)
            {
                string made = MarketToken.Create(_signer, _scope, client, Peer.Id, now + _options.TokenLife);
                _token = (client, made, now + (_options.TokenLife / 2));
            }

            text = _token.Text;
        }

        request.Headers.Authorization = new AuthenticationHeaderValue(MarketToken.Scheme, text);
    }

    private async Task<NodeAnswer<T>> GetJsonAsync<T>(string path, JsonTypeInfo<T> type, TimeSpan limit, CancellationToken token, Address? owner = null)
    {
        using var deadline = new Deadline(_time, limit, limit, token);
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (owner is { } client) Authorize(request, client);
        return await CallAsync(request, deadline, (response, _) => ReadJsonAsync(response, type, deadline));
    }

    private async Task<NodeAnswer<T>> CallAsync<T>(
        HttpRequestMessage request, Deadline deadline, Func<HttpResponseMessage, Stream, Task<NodeAnswer<T>>> read)
    {
        try
        {
            using HttpResponseMessage response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, deadline.Token);
            deadline.Progress();
            if (response.StatusCode == HttpStatusCode.OK)
            {
                await using Stream body = await response.Content.ReadAsStreamAsync(deadline.Token);
                return await read(response, body);
            }

            // A refusal is a small answer whatever was asked for, and whoever drips it holds nobody longer than one.
            deadline.Restart(_options.AnswerTimeout, _options.AnswerTimeout);
            NodeRefusal refusal = await ReadRefusalAsync(response, deadline);
            NodeOutcome outcome = response.StatusCode switch
            {
                HttpStatusCode.NotFound => NodeOutcome.NotFound,
                _ when refusal.Code == MarketException.NameOf(MarketErrorCode.WrongBytes) => NodeOutcome.WrongBytes,
                _ => NodeOutcome.Refused,
            };
            return new NodeAnswer<T>(outcome, default, refusal);
        }
        catch (Exception e) when (deadline.Passed && e is (OperationCanceledException or HttpRequestException or IOException or SocketException))
        {
            return Fail<T>(NodeOutcome.Slow, 0, "The node took too long.");
        }
        catch (OperationCanceledException) when (!deadline.CallerGaveUp)
        {
            return Fail<T>(NodeOutcome.Unreachable, 0, "No connection in time.");
        }
        catch (Exception e) when (e is HttpRequestException or IOException or AuthenticationException or SocketException)
        {
            return Fail<T>(NodeOutcome.Unreachable, 0, Clean(e.InnerException?.Message ?? e.Message));
        }
        catch (JsonException)
        {
            return Fail<T>(NodeOutcome.Malformed, 0, "The answer is not what this protocol says.");
        }
    }

    private static async Task<NodeAnswer<T>> ReadJsonAsync<T>(HttpResponseMessage response, JsonTypeInfo<T> type, Deadline deadline)
    {
        ArraySegment<byte>? json = await ReadSmallAsync(response, deadline);
        T? value = json is { } bytes ? JsonSerializer.Deserialize(bytes, type) : default;
        return value is null ? Fail<T>(NodeOutcome.Malformed, (int)response.StatusCode, "The answer is empty or too long.") : value;
    }

    private static async Task<NodeRefusal> ReadRefusalAsync(HttpResponseMessage response, Deadline deadline)
    {
        int status = (int)response.StatusCode;
        try
        {
            NodeErrorBody? error = await ReadSmallAsync(response, deadline) is { } bytes
                ? JsonSerializer.Deserialize(bytes, NodeJson.Default.NodeErrorEnvelope)?.Error
                : null;
            if (error is not null) return new NodeRefusal(status, Clean(error.Code), Clean(error.Message));
        }
        catch (JsonException)
        {
            // A refusal without a body of ours is still a refusal.
        }

        return new NodeRefusal(status, "", $"The node answered HTTP {status}.");
    }

    private static async Task<ArraySegment<byte>?> ReadSmallAsync(HttpResponseMessage response, Deadline deadline)
    {
        byte[] buffer = new byte[NodeClientOptions.JsonBytesMax + 1];
        int length = 0;
        await using Stream body = await response.Content.ReadAsStreamAsync(deadline.Token);
        while (length < buffer.Length)
        {
            int read = await body.ReadAsync(buffer.AsMemory(length), deadline.Token);
            if (read == 0) return new ArraySegment<byte>(buffer, 0, length);
            deadline.Progress();
            length += read;
        }

        return null;
    }

    private static async Task<bool> FillAsync(Stream body, Memory<byte> destination, Deadline deadline)
    {
        while (!destination.IsEmpty)
        {
            int read = await body.ReadAsync(destination, deadline.Token);
            if (read == 0) return false;
            deadline.Progress();
            destination = destination[read..];
        }

        return true;
    }

    private static async Task<bool> IsAtEndAsync(Stream body, Deadline deadline) => await body.ReadAsync(new byte[1], deadline.Token) == 0;

    /// <summary>A stranger's text, fit for one line of a terminal.</summary>
    private static string Clean(string text)
    {
        ReadOnlySpan<char> start = text.AsSpan(0, Math.Min(text.Length, LineCharsMax));
        return string.Create(start.Length, start, static (line, source) =>
        {
            for (int i = 0; i < line.Length; i++) line[i] = char.IsControl(source[i]) || char.IsSurrogate(source[i]) ? ' ' : source[i];
        });
    }
}
