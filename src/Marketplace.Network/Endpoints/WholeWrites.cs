namespace Marketplace.Network;

/// <summary>Lies between HTTP and TLS: what is written at once leaves the <see cref="GatheringStream"/> below TLS at once, and nothing stays there.</summary>
internal sealed class WholeWrites(Stream tls) : AsyncStream
{
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        await tls.WriteAsync(buffer, cancellationToken);
        await tls.FlushAsync(cancellationToken);
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => tls.ReadAsync(buffer, cancellationToken);

    public override Task FlushAsync(CancellationToken cancellationToken) => tls.FlushAsync(cancellationToken);

    protected override void Dispose(bool disposing)
    {
        if (disposing) tls.Dispose();
        base.Dispose(disposing);
    }
}
