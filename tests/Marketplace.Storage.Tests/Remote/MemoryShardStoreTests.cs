using System.Collections.Concurrent;

namespace Marketplace.Storage.Tests.Remote;

/// <summary>Pieces in memory: the store's own rules without anybody's server.</summary>
public sealed class MemoryShardStoreTests : RemoteShardStoreContract
{
    private readonly MemoryParts _parts = new();

    protected override IPartStore Parts => _parts;

    protected override IReadOnlyList<string> AllPieces() => [.. _parts.Pieces.Keys];
}

/// <summary>Pieces in memory.</summary>
internal sealed class MemoryParts : IPartStore
{
    public ConcurrentDictionary<string, byte[]> Pieces { get; } = new(StringComparer.Ordinal);

    public int PartBytesMax => 5_000;

    public int AddressChars => 45;

    public string AddressOf(string shardId, long index, ReadOnlySpan<byte> part) => $"{shardId.PadLeft(32, '0')}/{index:x12}";

    public string RecordAddressOf(string shardId, ReadOnlySpan<byte> record) => "record " + shardId;

    public Task PutAsync(string address, ReadOnlyMemory<byte> part, CancellationToken token)
    {
        Pieces[address] = part.ToArray();
        return Task.CompletedTask;
    }

    public Task PutRecordAsync(string address, ReadOnlyMemory<byte> record, CancellationToken token) => PutAsync(address, record, token);

    public Task<byte[]?> GetAsync(string address, CancellationToken token) => Task.FromResult(Pieces.TryGetValue(address, out byte[]? piece) ? (byte[])[.. piece] : null);

    public Task DeleteAsync(string address, CancellationToken token)
    {
        Pieces.TryRemove(address, out _);
        return Task.CompletedTask;
    }

    public Task<bool> HasRecordAsync(string address, CancellationToken token) => Task.FromResult(Pieces.ContainsKey(address));

    public async IAsyncEnumerable<string> RecordsAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken token)
    {
        await Task.Yield();
        foreach (string address in Pieces.Keys.Where(key => key.StartsWith("record ", StringComparison.Ordinal))) yield return address;
    }
}
