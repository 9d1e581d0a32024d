using Marketplace.Domain;

namespace Marketplace.Coding;

/// <summary>
/// Turns a bundle's bytes, as they pass, into its shards' bytes, stripe by stripe, and computes the shards' roots.
/// The caller appends until <see cref="HasCells"/>, takes the cells (and may wait for slow nodes as long as it likes), then releases them:
/// <code>
/// while (!bytes.IsEmpty)
/// {
///     bytes = bytes[encoder.Append(bytes)..];
///     if (encoder.HasCells) { for (int i = 0; i != encoder.Columns; i++) await Send(i, encoder.Cell(i)); encoder.Release(); }
/// }
/// encoder.Finish();   // then the last cells, if HasCells, then Commitment(i)
/// </code>
/// Holds n cells of 16 KiB. With k = 1 there is one column, which every slot gets.
/// </summary>
public sealed class ShardEncoder : IDisposable
{
    private readonly ErasureCode _code;
    private readonly Redundancy _redundancy;
    private readonly MerkleTreeBuilder[] _trees;
    private readonly ShardCommitment[] _commitments;
    private readonly int _stripeBytes;
    private readonly StripeCells _cells;
    private int _filled;
    private int _cellBytes;
    private bool _finished;
    private bool _disposed;

    /// <param name="code">k of n, as the market takes them.</param>
    /// <exception cref="ArgumentOutOfRangeException">No bundle is kept so (<see cref="Redundancy"/>).</exception>
    public ShardEncoder(ErasureCode code)
    {
        ArgumentNullException.ThrowIfNull(code);
        _code = code;
        _redundancy = new Redundancy(code.Needed, code.Shards);
        Columns = code.Needed == 1 ? 1 : code.Shards;
        _stripeBytes = ShardGeometry.CellBytes * code.Needed;
        _cells = new StripeCells(Columns);
        _trees = new MerkleTreeBuilder[Columns];
        _commitments = new ShardCommitment[Columns];
        for (int i = 0; i < Columns; i++) _trees[i] = new MerkleTreeBuilder();
    }

    /// <summary>Different columns: n, or one when k = 1.</summary>
    public int Columns { get; }

    /// <summary>Whether a stripe is ready to be taken.</summary>
    public bool HasCells => _cellBytes > 0;

    /// <summary>Bytes of the bundle appended so far.</summary>
    public long BundleBytes { get; private set; }

    /// <summary>Takes bytes of the bundle up to the end of a stripe and says how many. Zero while cells wait to be released.</summary>
    public int Append(ReadOnlySpan<byte> bytes)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_finished) throw new InvalidOperationException("The bundle is finished.");
        if (HasCells) return 0;
        int take = Math.Min(bytes.Length, _stripeBytes - _filled);
        _cells.Write(_filled, bytes[..take]);
        _filled += take;
        BundleBytes += take;
        if (_filled == _stripeBytes) EncodeStripe();
        return take;
    }

    /// <summary>The part of a column in the stripe that is ready. Good until <see cref="Release"/>.</summary>
    public ReadOnlyMemory<byte> Cell(int column)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(column);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(column, Columns);
        return _cells.Cell(column, _cellBytes);
    }

    /// <summary>Lets the ready stripe go, so that more can be appended.</summary>
    public void Release()
    {
        _cellBytes = 0;
        _filled = 0;
    }

    /// <summary>Ends the bundle; a last, shorter stripe may be ready after it.</summary>
    /// <exception cref="InvalidOperationException">A stripe waits to be released, or the length is no bundle's (<see cref="ShardGeometry.IsBundleSize"/>).</exception>
    public void Finish()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (HasCells || _finished) throw new InvalidOperationException("The bundle is finished, or a stripe waits to be released.");
        if (!ShardGeometry.IsBundleSize(_redundancy, BundleBytes))
            throw new InvalidOperationException($"A bundle of {_redundancy} is a multiple of {ShardGeometry.BundleUnit(_redundancy)} bytes, not {BundleBytes}.");
        _finished = true;
        if (_filled > 0) EncodeStripe();
        for (int i = 0; i < Columns; i++) _trees[i].TryFinish(out _commitments[i]);
    }

    /// <summary>Root and leaves of a column, once the bundle is finished.</summary>
    public ShardCommitment Commitment(int column) =>
        _finished ? _commitments[column] : throw new InvalidOperationException("The bundle is not finished.");

    /// <summary>Gives the buffers back.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        foreach (MerkleTreeBuilder tree in _trees) tree.Dispose();
    }

    private void EncodeStripe()
    {
        int k = _code.Needed;
        _cellBytes = _filled / k;
        if (_cellBytes < ShardGeometry.CellBytes) _cells.Shorten(k, _cellBytes);
        if (k > 1) _code.Encode(_cells, _cellBytes);
        for (int i = 0; i < Columns; i++) _trees[i].Append(_cells.Cell(i, _cellBytes).Span);
    }
}
