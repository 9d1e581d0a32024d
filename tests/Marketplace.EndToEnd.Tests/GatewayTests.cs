using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace Marketplace.EndToEnd.Tests;

[Collection(nameof(FiveNodes))]
public sealed class GatewayTests(FiveNodes devnet)
{
    private Uri Url => new(devnet.Description.GetProperty("gateway").GetProperty("url").GetString()!);

    [Fact]
    public async Task Bytes_paid_for_through_the_gateway_come_back_there_and_at_the_clients_own_command_line()
    {
        using HttpClient http = await SignedInAsync("100");
        foreach (long bytes in new long[] { 0, 1, 255, 256, 257, 16_383, 16_384, 16_385, 1_048_575, 1_048_577, 4_194_305 })
        {
            string file = TestFiles.Write(Path.Combine(devnet.Scratch, $"api-{bytes}"), bytes, seed: 3);
            using (FileStream body = File.OpenRead(file))
            {
                using HttpResponseMessage put = await http.PutAsync($"v1/objects/api/{bytes}?for=1h", new StreamContent(body));
                Assert.True(put.IsSuccessStatusCode, await put.Content.ReadAsStringAsync());
                JsonElement answer = JsonDocument.Parse(await put.Content.ReadAsStringAsync()).RootElement;
                Assert.Equal(3, answer.GetProperty("deals")[0].GetProperty("slots").GetProperty("filled").GetInt32());
            }

            byte[] back = await http.GetByteArrayAsync($"v1/objects/api/{bytes}");
            Assert.Equal(await File.ReadAllBytesAsync(file), back);
            string own = file + ".own";
            (await devnet.MarketAsync("get", $"api/{bytes}", "-o", own)).Expect(0);
            TestFiles.AssertSameFile(file, own);
        }

        JsonElement listed = JsonDocument.Parse(await http.GetStringAsync("v1/objects?prefix=api/")).RootElement;
        Assert.Equal(11, listed.GetProperty("objects").GetArrayLength());
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
