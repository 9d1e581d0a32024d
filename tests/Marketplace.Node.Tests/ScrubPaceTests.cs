using System.Net;
using Marketplace.Domain;
using Marketplace.Network;
using Marketplace.Storage;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Marketplace.Node.Tests;

public sealed class ScrubPaceTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("market-scrub-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_large_shard_is_read_no_faster_than_many_small_ones()
    {
        const int Seconds = 12;
        var limits = new NodeLimits();
        var time = new FakeTimeProvider(DateTimeOffset.UnixEpoch.AddYears(60));
        await using ShardDepot depot = await ShardDepot.OpenAsync(new DepotOptions(_folder, 1 << 30), time, default);
        int bytes = Seconds * (int)limits.ScrubBytesPerSecondMin;
        await using (ShardUpload upload = (await depot.BeginAsync(new UploadPlace(new DealId(default, 1), 0), bytes, default))!)
        {
            Assert.True(await upload.TryAppendAsync(NodeProtocolTests.RandomBytes(bytes), default));
            await upload.CompleteAsync(time.GetUtcNow() + TimeSpan.FromHours(1), default);
        }

        var config = new NodeConfig(
            IPEndPoint.Parse("127.0.0.1:1"), PeerEndpoint.Parse("https://a.b:1"), [new VolumeSettings(0, StoreAddress.Default, 1 << 30)], new Price(TokenAmount.Parse("1")), IPEndPoint.Parse("127.0.0.1:2"));
        // Nothing is damaged, so neither the chain nor the duties are asked.
        using var job = new ScrubJob(null!, depot, null!, config, limits, time, NullLogger<ScrubJob>.Instance);
        time.Advance(TimeSpan.FromSeconds(1));
        Task run = job.RunAsync(default);
        int waited = 1;
        for (; !run.IsCompleted && waited < 10 * Seconds; waited++)
        {
            await Task.WhenAny(run, Task.Delay(20));
            time.Advance(TimeSpan.FromSeconds(1));
        }

        await run;
        Assert.Equal("0", depot.Catalogue.Fact(ScrubJob.DamagedFact));
        Assert.InRange(waited, Seconds - 1, 10 * Seconds - 1);
    }
}
