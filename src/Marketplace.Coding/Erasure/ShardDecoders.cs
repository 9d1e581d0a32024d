namespace Marketplace.Coding;

/// <summary>
/// The decoders of one bundle, made once for each choice of columns: a choice costs the inversion of a k × k matrix, and reads go on with
/// the same nodes. Safe for many threads.
/// </summary>
/// <param name="code">The code of the bundle's redundancy.</param>
/// <param name="geometry">The bundle's geometry.</param>
public sealed class ShardDecoders(ErasureCode code, ShardGeometry geometry)
{
    /// <summary>Choices that are remembered; then it begins anew.</summary>
    public const int DecodersMax = 16;

    private (int[] Columns, ShardDecoder Decoder)[] _known = [];

    /// <summary>The decoder for these k columns, in this order.</summary>
    /// <exception cref="ArgumentException">Not k different columns of this code.</exception>
    public ShardDecoder For(ReadOnlySpan<int> columns)
    {
        (int[] Columns, ShardDecoder Decoder)[] known = Volatile.Read(ref _known);
        foreach ((int[] Columns, ShardDecoder Decoder) one in known)
        {
            if (columns.SequenceEqual(one.Columns)) return one.Decoder;
        }

        // Two threads that do this at once lose one of the two, which is made again.
        var made = new ShardDecoder(code, geometry, columns);
        Volatile.Write(ref _known, [.. known.Length == DecodersMax ? [] : known, (columns.ToArray(), made)]);
        return made;
    }
}
