using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;

namespace Marketplace.Storage.Ipfs;

/// <summary>
/// A small client of the Kubo RPC (<c>/api/v0</c>): blocks and pins, and nothing that leaves the IPFS node itself.
/// Its words are those of Ipfs.Http.Client.
/// </summary>
/// <remarks>Source: docs.ipfs.tech/reference/kubo/rpc.</remarks>
public sealed class IpfsClient : IDisposable
{
    private const int ErrorCharsMax = 300;
    private static readonly TimeSpan s_timeout = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan s_blockTimeout = TimeSpan.FromSeconds(10);

    private readonly HttpClient _http;
    private readonly long _blockMilliseconds;

    /// <param name="api">The node's RPC address, <c>http://127.0.0.1:5001</c>.</param>
    /// <param name="blockTimeout">How long the node may look for a block; null for ten seconds. Some kinds of nodes never say that they have none.</param>
    public IpfsClient(Uri api, TimeSpan? blockTimeout = null)
    {
        _blockMilliseconds = (long)(blockTimeout ?? s_blockTimeout).TotalMilliseconds;
        _http = new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, UseCookies = false })
        {
            BaseAddress = new Uri(api, "/api/v0/"),
            Timeout = s_timeout,
        };
        Block = new BlockApi(this);
        Pin = new PinApi(this);
        Repo = new RepoApi(this);
    }

    /// <summary>Blocks.</summary>
    public BlockApi Block { get; }

    /// <summary>Pins: what the node's garbage collection leaves alone.</summary>
    public PinApi Pin { get; }

    /// <summary>The node's own storage.</summary>
    public RepoApi Repo { get; }

    /// <summary>The node's version.</summary>
    /// <exception cref="StorageAwayException">It does not answer.</exception>
    public async Task<string> VersionAsync(CancellationToken token = default)
    {
        using HttpResponseMessage response = await PostAsync("version", null, token);
        JsonElement answer = await JsonOf(response, token);
        return answer.GetProperty("Version").GetString() ?? "";
    }

    /// <inheritdoc />
    public void Dispose() => _http.Dispose();

    private static async Task<JsonElement> JsonOf(HttpResponseMessage response, CancellationToken token)
    {
        try
        {
            return await response.Content.ReadFromJsonAsync<JsonElement>(token);
        }
        catch (JsonException e)
        {
            throw new StorageAwayException("The IPFS node's answer is no JSON.", e);
        }
    }

    /// <summary>Calls; an answer that says that there is no such thing is returned like a good one, with status 500 or 404.</summary>
    private async Task<HttpResponseMessage> PostAsync(string call, HttpContent? content, CancellationToken token, params string[] notThere)
    {
        HttpResponseMessage response;
        try
        {
            response = await _http.PostAsync(call, content, token);
        }
        catch (Exception e) when (e is HttpRequestException || (e is OperationCanceledException && !token.IsCancellationRequested))
        {
            throw new StorageAwayException("The IPFS node does not answer: " + e.Message, e);
        }

        if (response.IsSuccessStatusCode) return response;
        string text = await response.Content.ReadAsStringAsync(token);
        foreach (string sign in notThere)
        {
            if (text.Contains(sign, StringComparison.OrdinalIgnoreCase)) return response;
        }

        HttpStatusCode status = response.StatusCode;
        response.Dispose();
        throw new StorageAwayException($"The IPFS node refuses {call.Split('?')[0]} ({(int)status}): {text[..Math.Min(text.Length, ErrorCharsMax)]}");
    }

    /// <summary>Calls about blocks.</summary>
    public sealed class BlockApi
    {
        private readonly IpfsClient _client;

        internal BlockApi(IpfsClient client) => _client = client;

        /// <summary>Stores a raw block and returns its CID, version 1 in base 32.</summary>
        /// <param name="block">Its bytes; Kubo refuses more than 1 MiB.</param>
        /// <param name="hash"><c>sha2-256</c> or <c>sha2-512</c>.</param>
        /// <param name="pin">Whether to pin it in the same call.</param>
        /// <param name="token">Cancels.</param>
        /// <exception cref="StorageAwayException">The node refuses it or does not answer.</exception>
        public async Task<string> PutAsync(ReadOnlyMemory<byte> block, string hash = "sha2-256", bool pin = false, CancellationToken token = default)
        {
            using var content = new MultipartFormDataContent();
            using var data = new ReadOnlyMemoryContent(block);
            data.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
            content.Add(data, "data", "data");
            using HttpResponseMessage response = await _client.PostAsync($"block/put?format=raw&mhtype={hash}&version=1&pin={(pin ? "true" : "false")}&cid-base=base32", content, token);
            return (await JsonOf(response, token)).GetProperty("Key").GetString() ?? throw new StorageAwayException("The IPFS node names no CID.");
        }

        /// <summary>Reads a block that the node itself has, or null if it says that it has none of that CID.</summary>
        /// <exception cref="StorageAwayException">The node does not answer, or does not find it in time.</exception>
        public async Task<byte[]?> GetAsync(string cid, CancellationToken token = default)
        {
            using HttpResponseMessage response = await _client.PostAsync(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"block/get?arg={cid}&offline=true&timeout={_client._blockMilliseconds}ms"), null, token, "not found", "not have");
            return response.IsSuccessStatusCode ? await response.Content.ReadAsByteArrayAsync(token) : null;
        }

        /// <summary>Removes a block; does nothing if there is none. A pinned one stays.</summary>
        /// <exception cref="StorageAwayException">The node does not answer.</exception>
        public async Task RmAsync(string cid, CancellationToken token = default)
        {
            using HttpResponseMessage response = await _client.PostAsync($"block/rm?arg={cid}&force=true", null, token, "not found");
        }
    }

    /// <summary>Calls about the node's own storage.</summary>
    public sealed class RepoApi
    {
        private readonly IpfsClient _client;

        internal RepoApi(IpfsClient client) => _client = client;

        /// <summary>Bytes that the node may take by its own settings (<c>Datastore.StorageMax</c>); null if it does not say.</summary>
        /// <exception cref="StorageAwayException">The node does not answer.</exception>
        public async Task<long?> StorageMaxAsync(CancellationToken token = default)
        {
            using HttpResponseMessage response = await _client.PostAsync("repo/stat?size-only=true", null, token);
            JsonElement answer = await JsonOf(response, token);
            return answer.TryGetProperty("StorageMax", out JsonElement max) && max.ValueKind == JsonValueKind.Number && max.TryGetInt64(out long bytes) ? bytes : null;
        }
    }

    /// <summary>Calls about pins.</summary>
    public sealed class PinApi
    {
        private readonly IpfsClient _client;

        internal PinApi(IpfsClient client) => _client = client;

        /// <summary>Pins a block.</summary>
        /// <exception cref="StorageAwayException">The node does not answer.</exception>
        public async Task AddAsync(string cid, CancellationToken token = default)
        {
            using HttpResponseMessage response = await _client.PostAsync($"pin/add?arg={cid}", null, token);
        }

        /// <summary>Removes a pin; does nothing if there is none.</summary>
        /// <exception cref="StorageAwayException">The node does not answer.</exception>
        public async Task RmAsync(string cid, CancellationToken token = default)
        {
            using HttpResponseMessage response = await _client.PostAsync($"pin/rm?arg={cid}", null, token, "not pinned");
        }

        /// <summary>Whether a block is pinned.</summary>
        /// <exception cref="StorageAwayException">The node does not answer.</exception>
        public async Task<bool> HasAsync(string cid, CancellationToken token = default)
        {
            using HttpResponseMessage response = await _client.PostAsync($"pin/ls?arg={cid}&type=recursive&cid-base=base32", null, token, "not pinned");
            return response.IsSuccessStatusCode;
        }

        /// <summary>The CIDs of all pinned blocks.</summary>
        /// <exception cref="StorageAwayException">The node does not answer.</exception>
        public async Task<IReadOnlyList<string>> LsAsync(CancellationToken token = default)
        {
            using HttpResponseMessage response = await _client.PostAsync("pin/ls?type=recursive&cid-base=base32", null, token);
            JsonElement answer = await JsonOf(response, token);
            return answer.TryGetProperty("Keys", out JsonElement keys) ? [.. keys.EnumerateObject().Select(key => key.Name)] : [];
        }
    }
}
