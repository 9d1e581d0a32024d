using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Marketplace.Domain;

namespace Marketplace.Node;

/// <summary>
/// Calls the one address that the operator set, and no other: no redirects, no proxy, no cookies, and nothing of the answer is read but
/// its status. Neither address nor secret is ever logged: the address may hold a secret of its own.
/// </summary>
internal sealed class Webhook : IDisposable
{
    private const int SecretCharsMin = 16;
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(10);

    private readonly Uri _url;
    private readonly byte[] _secret;
    private readonly TimeProvider _time;
    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false, UseCookies = false, PooledConnectionLifetime = TimeSpan.FromMinutes(5) })
    {
        Timeout = s_timeout,
    };

    /// <summary>Takes the address and the secret, which is made if its file is not there.</summary>
    /// <exception cref="MarketException">The secret is too short.</exception>
    public Webhook(Uri url, string secretFile, TimeProvider time)
    {
        _url = url;
        _time = time;
        if (!File.Exists(secretFile)) NodeFiles.Write(secretFile, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32)) + "\n");
        string secret = File.ReadAllText(secretFile).Trim();
        if (secret.Length < SecretCharsMin) throw new MarketException(MarketErrorCode.Usage, $"The secret in {secretFile} is shorter than {SecretCharsMin} characters.", "Choose a longer one, or delete the file and let the node make one.");
        _secret = Encoding.UTF8.GetBytes(secret);
    }

    /// <summary>The webhook of a node's folder; null if its operator set none.</summary>
    public static Webhook? Of(NodeConfig config, string dataDir, TimeProvider time) =>
        config.Alerts is { } url ? new Webhook(url, Path.Combine(dataDir, NodeFiles.AlertSecret), time) : null;

    /// <summary>Sends a message once. Null if a status of 2xx came back, else why not, in words without the address.</summary>
    public async Task<string?> SendAsync(AlertMessage message, CancellationToken token)
    {
        byte[] body = message.ToJson();
        long now = _time.GetUtcNow().ToUnixTimeSeconds();
        using var request = new HttpRequestMessage(HttpMethod.Post, _url) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.Add(AlertMessage.TimeHeader, now.ToString(CultureInfo.InvariantCulture));
        request.Headers.Add(AlertMessage.SignatureHeader, AlertMessage.Sign(_secret, now, body));
        try
        {
            using HttpResponseMessage response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, token);
            return response.IsSuccessStatusCode ? null : string.Create(CultureInfo.InvariantCulture, $"it answers with status {(int)response.StatusCode}");
        }
        catch (HttpRequestException e)
        {
            return $"it cannot be reached ({e.HttpRequestError})";
        }
        catch (OperationCanceledException) when (!token.IsCancellationRequested)
        {
            return string.Create(CultureInfo.InvariantCulture, $"it does not answer within {s_timeout.TotalSeconds:0} s");
        }
    }

    /// <inheritdoc />
    public void Dispose() => _http.Dispose();
}
