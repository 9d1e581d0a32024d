using Marketplace.Domain;

namespace Marketplace.Storage;

/// <summary>One holder at a time for each root, by a fixed number of locks: different roots rarely wait for each other.</summary>
internal sealed class RootLocks : IDisposable
{
    private const int Count = 64;

    private readonly SemaphoreSlim[] _locks = [.. Enumerable.Range(0, Count).Select(_ => new SemaphoreSlim(1, 1))];

    public async ValueTask<Holder> TakeAsync(Root root, CancellationToken token)
    {
        SemaphoreSlim one = _locks[root.ToArray()[0] % Count];
        await one.WaitAsync(token);
        return new Holder(one);
    }

    public void Dispose()
    {
        foreach (SemaphoreSlim one in _locks) one.Dispose();
    }

    public readonly struct Holder(SemaphoreSlim held) : IDisposable
    {
        public void Dispose() => held.Release();
    }
}
