using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Marketplace.Domain;
using Marketplace.Hosting.Http;

namespace Marketplace.Node;

/// <summary>A running node's operator side, asked from the same machine with the password in the node's folder.</summary>
public sealed class NodeAdmin : IDisposable
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(5);

    // A volume that is added is looked through before the node answers.
    private static readonly TimeSpan s_changeTimeout = TimeSpan.FromMinutes(30);

    private readonly HttpClient _http;

    private NodeAdmin(HttpClient http) => _http = http;

    /// <summary>The running node of a folder, or null if it did not leave an address.</summary>
    public static async Task<NodeAdmin?> FindAsync(string dataDir, CancellationToken token)
    {
        string path = Path.Combine(dataDir, NodeFiles.Running);
        string passwordPath = Path.Combine(dataDir, NodeFiles.AdminPassword);
        if (!File.Exists(path) || !File.Exists(passwordPath)) return null;
        try
        {
            RunningNode running = JsonSerializer.Deserialize(await File.ReadAllTextAsync(path, token), NodeFilesJson.Default.RunningNode)!;
            string password = (await File.ReadAllTextAsync(passwordPath, token)).Trim();
            var http = new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false }) { BaseAddress = running.AdminUrl, Timeout = s_changeTimeout };
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes("operator:" + password)));
            return new NodeAdmin(http);
        }
        catch (JsonException)
        {
            // A file that a killed node left behind.
            return null;
        }
    }

    /// <summary>What <c>market node status</c> tells; null if nobody answers as this node.</summary>
    public async Task<NodeStatusView?> StatusAsync(CancellationToken token)
    {
        using var soon = CancellationTokenSource.CreateLinkedTokenSource(token);
        soon.CancelAfter(s_timeout);
        try
        {
            using HttpResponseMessage response = await _http.GetAsync(new Uri("/v1/admin/status", UriKind.Relative), soon.Token);
            return response.IsSuccessStatusCode ? await response.Content.ReadFromJsonAsync<NodeStatusView>(HostJson.Options, soon.Token) : null;
        }
        catch (Exception e) when (e is HttpRequestException or JsonException || (e is OperationCanceledException && !token.IsCancellationRequested))
        {
            // A port that somebody else has now.
            return null;
        }
    }

    /// <summary>All volumes.</summary>
    /// <exception cref="MarketException">The node does not run.</exception>
    public async Task<IReadOnlyList<VolumeReport>> VolumesAsync(CancellationToken token) =>
        (await AskAsync<VolumeList>(HttpMethod.Get, VolumeEndpoints.Path, null, token)).Volumes;

    /// <summary>Adds a volume.</summary>
    /// <exception cref="MarketException">The node does not run, or refuses.</exception>
    public Task<VolumeReport> AddVolumeAsync(NewVolume volume, CancellationToken token) => AskAsync<VolumeReport>(HttpMethod.Post, VolumeEndpoints.Path, volume, token);

    /// <summary>Changes a volume.</summary>
    /// <exception cref="MarketException">The node does not run, or refuses.</exception>
    public Task<VolumeReport> ChangeVolumeAsync(int id, VolumeChange change, CancellationToken token) =>
        AskAsync<VolumeReport>(HttpMethod.Patch, FormattableString.Invariant($"{VolumeEndpoints.Path}/{id}"), change, token);

    /// <summary>Takes a volume away.</summary>
    /// <exception cref="MarketException">The node does not run, or refuses.</exception>
    public Task<VolumeReport> RemoveVolumeAsync(int id, bool force, CancellationToken token) =>
        AskAsync<VolumeReport>(HttpMethod.Delete, FormattableString.Invariant($"{VolumeEndpoints.Path}/{id}?force={(force ? "true" : "false")}"), null, token);

    /// <inheritdoc />
    public void Dispose() => _http.Dispose();

    private async Task<T> AskAsync<T>(HttpMethod method, string path, object? body, CancellationToken token)
    {
        try
        {
            using var request = new HttpRequestMessage(method, new Uri(path, UriKind.Relative));
            if (body is not null) request.Content = JsonContent.Create(body, body.GetType(), options: HostJson.Options);
            using HttpResponseMessage response = await _http.SendAsync(request, token);
            if (response.IsSuccessStatusCode) return (await response.Content.ReadFromJsonAsync<T>(HostJson.Options, token))!;
            ErrorBody error = (await response.Content.ReadFromJsonAsync<ErrorEnvelope>(HostJson.Options, token))!.Error;
            throw new MarketException(MarketException.CodeOf(error.Code), error.Message, error.Hint);
        }
        catch (Exception e) when (e is HttpRequestException or JsonException)
        {
            throw NotRunning(e);
        }
    }

    /// <summary>Nobody answers as this node.</summary>
    public static MarketException NotRunning(Exception? inner = null) =>
        new(MarketErrorCode.Failed, "The node does not run.", $"Start it, or change its volumes in {NodeConfig.FileName}.", inner);
}
