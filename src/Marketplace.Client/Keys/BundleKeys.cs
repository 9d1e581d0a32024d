using Marketplace.Coding;

namespace Marketplace.Client.Keys;

/// <summary>How keys of bundles are made and had again: a client's own way, or a gateway's on behalf of a client.</summary>
public abstract class BundleKeys : IDisposable
{
    /// <summary>A key for one new bundle. The caller disposes it.</summary>
    public abstract BundleKey Create();

    /// <summary>The key of a bundle that was read; null if these keys do not open it. The caller disposes it.</summary>
    /// <exception cref="BundleFormatException">The head is damaged in another way.</exception>
    public BundleKey? TryOpen(BundleHead head)
    {
        try
        {
            return Open(head);
        }
        catch (BundleFormatException exception) when (exception.Fault is BundleFault.WrongKey)
        {
            return null;
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>What this client's contents are known again by; null for keys that are another's, too. The caller disposes it.</summary>
    internal virtual ContentIndexKey? CreateIndexKey() => null;

    /// <summary>The key of a bundle, or a wrong-key failure.</summary>
    protected abstract BundleKey Open(BundleHead head);

    /// <summary>Wipes what is secret.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }
}

/// <summary>A client's own keys: all come from the master key. Opens also what was sealed to the client by others.</summary>
/// <param name="master">The master key. Owned by this.</param>
public sealed class OwnKeys(MasterKey master) : BundleKeys
{
    /// <inheritdoc />
    public override BundleKey Create() => BundleKey.CreateDerived(master);

    internal override ContentIndexKey CreateIndexKey() => master.CreateIndexKey();

    /// <inheritdoc />
    protected override BundleKey Open(BundleHead head) => BundleKey.Open(head, master);

    /// <inheritdoc />
    protected override void Dispose(bool disposing) => master.Dispose();
}

/// <summary>
/// A gateway's keys for one client: what it stores is sealed to the client's public key and to its own, so that both can open it.
/// It opens nothing that was not sealed to it.
/// </summary>
/// <param name="own">The gateway's key pair. Not owned by this.</param>
/// <param name="clientPublicKey">The client's X25519 public key, 32 bytes; null for keys that only read.</param>
public sealed class SharedKeys(RecipientKeyPair own, ReadOnlyMemory<byte>? clientPublicKey) : BundleKeys
{
    /// <inheritdoc />
    /// <exception cref="InvalidOperationException">The client gave no public key.</exception>
    public override BundleKey Create() => clientPublicKey is { } client
        ? BundleKey.CreateWrapped(client, own.PublicKey)
        : throw new InvalidOperationException("Without the client's public key nothing can be stored for it.");

    /// <inheritdoc />
    protected override BundleKey Open(BundleHead head) => BundleKey.Open(head, own);
}
