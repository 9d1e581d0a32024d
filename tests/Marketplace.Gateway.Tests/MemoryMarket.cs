using Marketplace.Client.Deals;
using Marketplace.Client.Json;
using Marketplace.Domain;
using Marketplace.Gateway.Market;
using Marketplace.Gateway.SignIn;

namespace Marketplace.Gateway.Tests;

/// <summary>
/// The surroundings of the HTTP tests: a market that keeps bytes in memory and takes a thousandth of a token per byte. Chain and nodes,
/// the real ones, stand behind the gateway in the end-to-end tests.
/// </summary>
internal sealed class MemoryMarket : IMarketDoor
{
    private static readonly TokenAmount s_perByte = TokenAmount.Parse("0.001");

    private readonly Lock _lock = new();
    private readonly Dictionary<(Address Client, string Name), (byte[] Bytes, long Version, ulong Deal)> _objects = [];
    private int _running;
    private ulong _deals;

    public static DateTimeOffset ModifiedAt { get; } = new(2026, 1, 31, 12, 0, 0, 250, TimeSpan.Zero);

    public static Address Operator { get; } = Address.Parse("0x00000000000000000000000000000000000000aa");

    public TokenAmount Allowed { get; set; } = TokenAmount.Parse("1000000");

    public TokenAmount Free { get; set; } = TokenAmount.Parse("1000000");

    public bool ChainAnswers { get; set; } = true;

    /// <summary>Bytes of bodies that were read.</summary>
    public long BytesTaken { get; private set; }

    /// <summary>The most uploads that ran at once.</summary>
    public int RunningMost { get; private set; }

    /// <summary>Holds uploads back until it is completed.</summary>
    public Task Hold { get; set; } = Task.CompletedTask;

    /// <summary>Reading fails after so many bytes, as it does when nodes die.</summary>
    public long? FailAfterBytes { get; set; }

    public MarketFacts Facts { get; } = new(
        31337,
        new Dictionary<string, Address>(StringComparer.Ordinal) { ["StorageMarket"] = Address.Parse("0x00000000000000000000000000000000000000bb") },
        Operator,
        Signed.SealKey(),
        new Schedule(20, 2, 1));

    public Task<MarketPulse> PulseAsync(CancellationToken token) => ChainAnswers
        ? Task.FromResult(new MarketPulse(new BlockNumber(123), TokenAmount.Parse("1")))
        : throw new HttpRequestException("connection refused");

    public Task<BalanceReport> BalanceAsync(Address client, CancellationToken token) => Task.FromResult(new BalanceReport(
        client, TokenAmount.Zero, Free, TokenAmount.Zero, TokenAmount.Zero, [new AllowanceReport(Operator, Allowed, null)]));

    public Task<Funds> FundsAsync(Address client, CancellationToken token) => Task.FromResult(new Funds(Free, Allowed, null));

    public Task<PutReport> QuoteAsync(Address client, string name, long bytes, KeepTerms terms, CancellationToken token) =>
        Task.FromResult(Report(name, bytes, 1, terms, null));

    public async Task<PutReport> PutAsync(GatewayClient client, string name, UploadBody body, KeepTerms terms, CancellationToken token)
    {
        lock (_lock) RunningMost = Math.Max(RunningMost, ++_running);
        try
        {
            await Hold.WaitAsync(token);
            using var copy = new MemoryStream();
            byte[] buffer = new byte[64 * 1024];
            while (await body.Content.ReadAsync(buffer, token) is var count and > 0)
            {
                BytesTaken += count;
                copy.Write(buffer, 0, count);
            }

            if (copy.Length > body.BytesMost || (body.IsExact && copy.Length != body.BytesMost)) throw new InvalidOperationException("The length is not as announced.");
            lock (_lock)
            {
                long version = _objects.TryGetValue((client.Address, name), out var old) ? old.Version + 1 : 1;
                _objects[(client.Address, name)] = (copy.ToArray(), version, ++_deals);
                return Report(name, copy.Length, version, terms, _deals);
            }
        }
        finally
        {
            lock (_lock) _running--;
        }
    }

    public Task<ListReport> ListAsync(Address client, CancellationToken token)
    {
        lock (_lock)
        {
            return Task.FromResult(new ListReport([
                .. _objects.Where(one => one.Key.Client == client).OrderBy(one => one.Key.Name, StringComparer.Ordinal)
                    .Select(one => new ListedObject(
                        one.Key.Name, ObjectKind.File, one.Value.Bytes.Length, one.Value.Version, ModifiedAt, Redundancy.Default, null)),
            ]));
        }
    }

    public Task<StoredObject?> FindAsync(Address client, string name, CancellationToken token)
    {
        lock (_lock)
        {
            if (_objects.Keys.Any(key => key.Client == client && key.Name.StartsWith(name + "/", StringComparison.Ordinal)))
                return Task.FromResult<StoredObject?>(new StoredObject(ObjectKind.Folder, 0, "0-0", null, (_, _, _, _) => Task.CompletedTask));
            if (!_objects.TryGetValue((client, name), out var found)) return Task.FromResult<StoredObject?>(null);
            return Task.FromResult<StoredObject?>(new StoredObject(
                ObjectKind.File,
                found.Bytes.Length,
                $"{found.Deal}-{found.Version}",
                ModifiedAt,
                (from, count, target, stop) => CopyAsync(found.Bytes.AsMemory((int)from, (int)count), target, stop)));
        }
    }

    private async Task CopyAsync(ReadOnlyMemory<byte> bytes, Stream target, CancellationToken token)
    {
        if (FailAfterBytes is not { } most || bytes.Length <= most)
        {
            await target.WriteAsync(bytes, token);
            return;
        }

        if (most > 0) await target.WriteAsync(bytes[..(int)most], token);
        if (most > 0) await target.FlushAsync(token);
        throw new MarketException(MarketErrorCode.Incomplete, "Too few nodes answer.");
    }

    private static PutReport Report(string name, long bytes, long version, KeepTerms terms, ulong? deal) => new(
        [new PutObject(name, ObjectKind.File, 1, bytes, version)],
        bytes,
        bytes,
        terms.Redundancy,
        ModifiedAt + terms.For,
        s_perByte * (ulong)bytes,
        deal is null ? null : s_perByte * (ulong)bytes,
        deal is { } id ? [new PutDeal(id, new SlotCounts(3, 3, 0))] : [],
        0);
}
