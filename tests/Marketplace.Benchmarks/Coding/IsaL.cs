using System.Runtime.InteropServices;

namespace Marketplace.Benchmarks.Coding;

/// <summary>Debian's libisal (package libisal2), for comparison only.</summary>
internal static unsafe partial class IsaL
{
    private const string Library = "libisal.so.2";
    private const int TableBytes = 32;

    /// <summary>Whether the library is on this machine.</summary>
    public static bool IsHere { get; } = NativeLibrary.TryLoad(Library, out _);

    /// <summary>Tables for the parity rows of the Cauchy matrix that our code uses, too.</summary>
    public static byte[] ParityTables(int needed, int shards)
    {
        byte[] matrix = new byte[shards * needed];
        fixed (byte* to = matrix) GenerateCauchy(to, shards, needed);
        return Tables(needed, shards - needed, matrix.AsSpan(needed * needed));
    }

    /// <summary>Tables for any rows of factors.</summary>
    public static byte[] Tables(int inputs, int outputs, ReadOnlySpan<byte> rows)
    {
        byte[] tables = new byte[inputs * outputs * TableBytes];
        fixed (byte* from = rows)
        fixed (byte* to = tables) InitTables(inputs, outputs, from, to);
        return tables;
    }

    /// <summary>Computes <paramref name="length"/> bytes of some cells from others.</summary>
    public static void Encode(byte[] tables, int length, ReadOnlySpan<nint> inputs, ReadOnlySpan<nint> outputs)
    {
        fixed (byte* table = tables)
        fixed (nint* from = inputs)
        fixed (nint* to = outputs) EncodeData(length, inputs.Length, outputs.Length, table, (byte**)from, (byte**)to);
    }

    [LibraryImport(Library, EntryPoint = "gf_gen_cauchy1_matrix")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial void GenerateCauchy(byte* matrix, int rows, int columns);

    [LibraryImport(Library, EntryPoint = "ec_init_tables")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial void InitTables(int inputs, int outputs, byte* rows, byte* tables);

    [LibraryImport(Library, EntryPoint = "ec_encode_data")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial void EncodeData(int length, int inputs, int outputs, byte* tables, byte** from, byte** to);
}
