using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace Marketplace.EndToEnd.Tests;

[Collection(nameof(FiveNodes))]
public sealed class GatewayTests(FiveNodes devnet)
{
    // Nothing, one byte, and all around a leaf, a block (a cell of a stripe), a stripe of 2/4, the shortest chunk, a pack, the longest chunk.
    private static readonly long[] s_sizes =
        [0, 1, .. new long[] { 256, 16 << 10, 32 << 10, 256 << 10, 1 << 20, 4 << 20 }.SelectMany(edge => new[] { edge - 1, edge, edge + 1 })];

    private Uri Url => new(devnet.Description.GetProperty("gateway").GetProperty("url").GetString()!);

    [Fact]
    public async Task Bytes_paid_for_through_the_gateway_come_back_there_and_at_the_clients_own_command_line()
    {
        using HttpClient http = await SignedInAsync("100");
        string sent = Directory.CreateDirectory(Path.Combine(devnet.Scratch, "api")).FullName;
        foreach (long bytes in s_sizes)
        {
            string file = TestFiles.Write(Path.Combine(sent, $"{bytes}"), bytes, seed: 3);
            using (FileStream body = File.OpenRead(file))
            using (var request = new HttpRequestMessage(HttpMethod.Put, $"v1/objects/api/{bytes}?for=1h&redundancy={(bytes % 2 == 0 ? "1/3" : "2/4")}"))
            {
                // Half of them say their length, the others only end.
                request.Content = new StreamContent(body);
                request.Headers.TransferEncodingChunked = bytes % 4 > 1;
                using HttpResponseMessage put = await http.SendAsync(request);
                string text = await put.Content.ReadAsStringAsync();
                Assert.True(put.IsSuccessStatusCode, text);
                JsonElement slots = JsonDocument.Parse(text).RootElement.GetProperty("deals")[0].GetProperty("slots");
                Assert.Equal(slots.GetProperty("wanted").GetInt32(), slots.GetProperty("filled").GetInt32());
            }

            byte[] back = await http.GetByteArrayAsync($"v1/objects/api/{bytes}");
            Assert.Equal(await File.ReadAllBytesAsync(file), back);
        }

        JsonElement listed = JsonDocument.Parse(await http.GetStringAsync("v1/objects?prefix=api/")).RootElement;
        Assert.Equal(s_sizes.Length, listed.GetProperty("objects").GetArrayLength());
        string own = Path.Combine(devnet.Scratch, "api-own");
        (await devnet.MarketAsync("get", "api", "-o", own)).Expect(0);
        TestFiles.AssertSameFolder(sent, own);
    }

    [Fact]
    public async Task A_gibibyte_passes_through_the_gateway()
    {
        using HttpClient http = await SignedInAsync("100");
        string file = TestFiles.Write(Path.Combine(devnet.Scratch, "api-gibibyte"), 1L << 30, seed: 4);
        using (FileStream body = File.OpenRead(file))
        {
            using HttpResponseMessage put = await http.PutAsync("v1/objects/gib?redundancy=1/3&for=1h", new StreamContent(body));
            Assert.True(put.IsSuccessStatusCode, await put.Content.ReadAsStringAsync());
        }

        string back = file + ".back";
        using (Stream answer = await http.GetStreamAsync("v1/objects/gib"))
        using (FileStream target = File.Create(back)) await answer.CopyToAsync(target);
        TestFiles.AssertSameFile(file, back);
        File.Delete(file);
        File.Delete(back);
    }

    [Fact]
    public async Task Without_a_token_or_an_allowance_nothing_is_stored()
    {
        using var stranger = new HttpClient { BaseAddress = Url };
        using HttpResponseMessage refused = await stranger.PutAsync("v1/objects/x", new ByteArrayContent([1, 2, 3]));
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await stranger.GetAsync("v1/balance")).StatusCode);
        JsonElement info = JsonDocument.Parse(await stranger.GetStringAsync("v1/info")).RootElement;
        Assert.Equal(31337, info.GetProperty("chainId").GetInt32());
        Assert.True((await stranger.GetAsync("openapi/v1.json")).IsSuccessStatusCode);
    }

    private async Task<HttpClient> SignedInAsync(string allowance)
    {
        string operatorAddress = devnet.Description.GetProperty("gateway").GetProperty("address").GetString()!;
        (await devnet.MarketAsync("allow", operatorAddress, allowance, "--for", "1d")).Expect(0);
        JsonElement login = (await devnet.MarketAsync("login", Url.ToString(), "--json")).Expect(0).Json;
        return new HttpClient
        {
            BaseAddress = Url,
            Timeout = TimeSpan.FromMinutes(8),
            DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", login.GetProperty("token").GetString()) },
        };
    }
}
