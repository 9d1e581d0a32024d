using ZstdSharp;

namespace Marketplace.Coding;

/// <summary>
/// zstd, where it pays: a quick trial on four small samples tells bytes that do not shrink. Reuses its context; not for several threads.
/// </summary>
public sealed class ChunkCompressor : IDisposable
{
    /// <summary>The level unless the caller chooses.</summary>
    public const int LevelDefault = 1;

    /// <summary>The level that means: store everything as it is.</summary>
    public const int LevelNone = 0;

    /// <summary>zstd's highest level.</summary>
    public const int LevelMax = 22;

    private const int SamplePieces = 4;
    private const int SamplePieceBytes = 4096;
    private const int SampleBytes = SamplePieces * SamplePieceBytes;

    /// <summary>Shorter chunks are simply tried whole.</summary>
    private const int TrialFromBytes = 4 * SampleBytes;

    /// <summary>Less than 1/32 saved is not worth decompressing.</summary>
    private const int WorthwhileShift = 5;

    private readonly Compressor? _compressor;
    private readonly byte[] _sample = new byte[SampleBytes];
    private readonly byte[] _sampleOut = new byte[SampleBytes];

    /// <param name="level"><see cref="LevelNone"/> to <see cref="LevelMax"/>.</param>
    public ChunkCompressor(int level = LevelDefault)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(level, LevelNone);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(level, LevelMax);
        if (level != LevelNone) _compressor = new Compressor(level);
    }

    /// <summary>
    /// Compresses into <paramref name="destination"/>, which must be as long as <paramref name="plain"/>.
    /// False when that does not pay; then store the bytes raw.
    /// </summary>
    public bool TryCompress(ReadOnlySpan<byte> plain, Span<byte> destination, out int bytes)
    {
        bytes = 0;
        int worthwhile = plain.Length - (plain.Length >> WorthwhileShift) - 1;
        if (_compressor is null || worthwhile <= 0 || (plain.Length >= TrialFromBytes && !SampleShrinks(_compressor, plain))) return false;
        return _compressor.TryWrap(plain, destination[..worthwhile], out bytes) && bytes > 0;
    }

    /// <inheritdoc />
    public void Dispose() => _compressor?.Dispose();

    private bool SampleShrinks(Compressor compressor, ReadOnlySpan<byte> plain)
    {
        int stride = (plain.Length - SamplePieceBytes) / (SamplePieces - 1);
        for (int i = 0; i < SamplePieces; i++)
            plain.Slice(i * stride, SamplePieceBytes).CopyTo(_sample.AsSpan(i * SamplePieceBytes));
        return compressor.TryWrap(_sample, _sampleOut.AsSpan(0, SampleBytes - (SampleBytes >> WorthwhileShift)), out _);
    }
}
