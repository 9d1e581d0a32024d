using System.Buffers;
using Marketplace.Client.Keys;
using Marketplace.Coding;

namespace Marketplace.Client.Reading;

/// <summary>
/// Reads head, footer and manifest of a bundle, from its nodes or from a copy kept at home. The copy is the same sealed bytes
/// that the nodes hold, so it tells a thief nothing and cannot be changed unnoticed.
/// </summary>
public static class ManifestReader
{
    /// <summary>Bytes at a bundle's end that are fetched at once: most manifests fit, and need no second question.</summary>
    public const int TailBytesMax = 256 * 1024;

    /// <summary>Reads and opens a manifest. Null if the keys do not open the bundle.</summary>
    /// <param name="geometry">The bundle's shape, from the chain.</param>
    /// <param name="read">Fills a buffer with the bundle's bytes from an offset on.</param>
    /// <param name="keys">The client's keys.</param>
    /// <param name="keep">Gets the sealed bytes, if they are to be kept.</param>
    /// <param name="token">Cancels.</param>
    /// <param name="admit">Is told the manifest's plain length before anything of it is decoded, and refuses it by an exception.</param>
    /// <exception cref="BundleFormatException">The bundle is damaged in a way that its roots do not show: its client made it so.</exception>
    public static async Task<Manifest?> ReadAsync(
        ShardGeometry geometry, Func<long, Memory<byte>, CancellationToken, Task> read, BundleKeys keys, SealedManifest? keep, CancellationToken token, Action<long>? admit = null)
    {
        byte[] headBytes = new byte[BundleHead.SizeBytes];
        await read(0, headBytes, token);
        BundleHead head = BundleHead.Read(headBytes);
        using BundleKey? key = keys.TryOpen(head);
        if (key is null) return null;

        int tailBytes = (int)Math.Min(TailBytesMax, geometry.BundleBytes);
        byte[] tail = new byte[tailBytes];
        await read(geometry.BundleBytes - tailBytes, tail, token);
        byte[] footerBytes = tail[^BundleFooter.SizeBytes..];
        BundleFooter footer = BundleFooter.Open(key, geometry.BundleBytes, footerBytes);
        admit?.Invoke(footer.ManifestPlainBytes);
        keep?.Begin(headBytes, footerBytes);

        using var decoder = new ManifestDecoder(key, footer);
        byte[] piece = ArrayPool<byte>.Shared.Rent(BundleFooter.SealedPieceBytesMax);
        try
        {
            for (int i = 0; i < footer.Pieces; i++)
            {
                (long offset, int bytes) = footer.Piece(i);
                Memory<byte> target = piece.AsMemory(0, bytes);
                long inTail = offset - (geometry.BundleBytes - tailBytes);
                if (inTail >= 0) tail.AsMemory((int)inTail, bytes).CopyTo(target);
                else await read(offset, target, token);
                decoder.Append(target.Span);
                keep?.Add(target.Span);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }

        return decoder.Complete();
    }

    /// <summary>Opens a copy. Null if the keys do not open it.</summary>
    /// <param name="copy">The sealed bytes.</param>
    /// <param name="bundleBytes">The bundle's length, from the chain.</param>
    /// <param name="keys">The client's keys.</param>
    /// <param name="admit">Is told the manifest's plain length before anything of it is decoded, and refuses it by an exception.</param>
    /// <exception cref="BundleFormatException">The copy is damaged.</exception>
    public static Manifest? Open(ReadOnlySpan<byte> copy, long bundleBytes, BundleKeys keys, Action<long>? admit = null)
    {
        if (copy.Length < BundleHead.SizeBytes + BundleFooter.SizeBytes) throw new BundleFormatException(BundleFault.Malformed, "The copy is too short.");
        using BundleKey? key = keys.TryOpen(BundleHead.Read(copy));
        if (key is null) return null;
        BundleFooter footer = BundleFooter.Open(key, bundleBytes, copy.Slice(BundleHead.SizeBytes, BundleFooter.SizeBytes));
        ReadOnlySpan<byte> pieces = copy[(BundleHead.SizeBytes + BundleFooter.SizeBytes)..];
        if (pieces.Length != footer.ManifestBytes) throw new BundleFormatException(BundleFault.Malformed, "The copy has another length than its footer says.");
        admit?.Invoke(footer.ManifestPlainBytes);
        using var decoder = new ManifestDecoder(key, footer);
        for (int i = 0; i < footer.Pieces; i++)
        {
            int bytes = footer.Piece(i).Bytes;
            decoder.Append(pieces[..bytes]);
            pieces = pieces[bytes..];
        }

        return decoder.Complete();
    }
}

/// <summary>Collects the sealed bytes that make a manifest: head, footer, pieces.</summary>
public sealed class SealedManifest
{
    private readonly ArrayBufferWriter<byte> _bytes = new();

    /// <summary>What was collected.</summary>
    public ReadOnlyMemory<byte> Bytes => _bytes.WrittenMemory;

    internal void Begin(ReadOnlySpan<byte> head, ReadOnlySpan<byte> footer)
    {
        _bytes.Write(head);
        _bytes.Write(footer);
    }

    internal void Add(ReadOnlySpan<byte> piece) => _bytes.Write(piece);
}
