using System.Net;
using Marketplace.Client.Json;

namespace Marketplace.Gateway.Tests;

/// <summary>Calls that must work.</summary>
internal static class ObjectCalls
{
    public static string PathOf(string name) => "/v1/objects/" + string.Join('/', name.Split('/').Select(Uri.EscapeDataString));

    public static async Task<byte[]> GetObjectAsync(this HttpClient http, string name)
    {
        using HttpResponseMessage answer = await http.GetAsync(PathOf(name));
        Assert.True(answer.StatusCode == HttpStatusCode.OK, $"{answer.StatusCode}: {(answer.IsSuccessStatusCode ? "" : await answer.Content.ReadAsStringAsync())}");
        return await answer.Content.ReadAsByteArrayAsync();
    }

    public static async Task<PutReport> PutObjectAsync(this HttpClient http, string name, byte[] bytes)
    {
        using HttpResponseMessage answer = await http.PutAsync(PathOf(name) + "?for=1h", new ByteArrayContent(bytes));
        return await ReadPutAsync(answer);
    }

    /// <summary>Puts a body that does not say its length.</summary>
    public static async Task<HttpResponseMessage> SendOpenAsync(this HttpClient http, string name, Stream body, string query = "?for=1h")
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, PathOf(name) + query) { Content = new StreamContent(body) };
        request.Headers.TransferEncodingChunked = true;
        return await http.SendAsync(request);
    }

    public static async Task<PutReport> ReadPutAsync(HttpResponseMessage answer)
    {
        string text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == HttpStatusCode.Created, $"{answer.StatusCode}: {text}");
        return MarketJson.Read<PutReport>(text);
    }
}
