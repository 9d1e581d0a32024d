using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Marketplace.Coding;

/// <summary>Many elements of GF(2⁸) that are multiplied by one factor and added at a time.</summary>
internal unsafe interface IFieldVector<TSelf>
    where TSelf : unmanaged, IFieldVector<TSelf>
{
    /// <summary>Elements in a vector.</summary>
    static abstract int Count { get; }

    /// <summary>Bytes that describe a factor (<see cref="FieldFactors"/>).</summary>
    static abstract int FactorBytes { get; }

    /// <summary>Whether there are registers for ten sums of two vectors.</summary>
    static abstract bool HasManyRegisters { get; }

    static abstract TSelf Zero { get; }

    static abstract TSelf Load(byte* from);

    static abstract void Store(TSelf value, byte* to);

    static abstract TSelf Multiply(TSelf value, byte* factor);

    static abstract TSelf Add(TSelf a, TSelf b);

    static abstract TSelf Add(TSelf a, TSelf b, TSelf c);
}

/// <summary>64 elements; a product is one affine transformation by an 8×8 matrix of bits.</summary>
internal readonly unsafe struct GfniVector512(Vector512<byte> value) : IFieldVector<GfniVector512>
{
    private const byte XorXor = 0x96;

    private readonly Vector512<byte> _value = value;

    public static bool IsSupported => Gfni.V512.IsSupported && Avx512F.IsSupported;

    public static int Count => Vector512<byte>.Count;

    public static int FactorBytes => FieldFactors.MatrixBytes;

    public static bool HasManyRegisters => true;

    public static GfniVector512 Zero => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static GfniVector512 Load(byte* from) => new(Vector512.Load(from));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(GfniVector512 value, byte* to) => value._value.Store(to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static GfniVector512 Multiply(GfniVector512 value, byte* factor) =>
        new(Gfni.V512.GaloisFieldAffineTransform(value._value, Vector512.Create(*(ulong*)factor).AsByte(), 0));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static GfniVector512 Add(GfniVector512 a, GfniVector512 b) => new(a._value ^ b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static GfniVector512 Add(GfniVector512 a, GfniVector512 b, GfniVector512 c) =>
        new(Avx512F.TernaryLogic(a._value, b._value, c._value, XorXor));
}

/// <summary>32 elements; a product is one affine transformation by an 8×8 matrix of bits.</summary>
internal readonly unsafe struct GfniVector256(Vector256<byte> value) : IFieldVector<GfniVector256>
{
    private readonly Vector256<byte> _value = value;

    public static bool IsSupported => Gfni.V256.IsSupported;

    public static int Count => Vector256<byte>.Count;

    public static int FactorBytes => FieldFactors.MatrixBytes;

    public static bool HasManyRegisters => false;

    public static GfniVector256 Zero => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static GfniVector256 Load(byte* from) => new(Vector256.Load(from));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(GfniVector256 value, byte* to) => value._value.Store(to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static GfniVector256 Multiply(GfniVector256 value, byte* factor) =>
        new(Gfni.V256.GaloisFieldAffineTransform(value._value, Vector256.Create(*(ulong*)factor).AsByte(), 0));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static GfniVector256 Add(GfniVector256 a, GfniVector256 b) => new(a._value ^ b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static GfniVector256 Add(GfniVector256 a, GfniVector256 b, GfniVector256 c) => new(a._value ^ b._value ^ c._value);
}

/// <summary>32 elements; a product is the sum of those of the two halves of a byte, each looked up.</summary>
internal readonly unsafe struct LookupVector256(Vector256<byte> value) : IFieldVector<LookupVector256>
{
    private readonly Vector256<byte> _value = value;

    public static bool IsSupported => Avx2.IsSupported;

    public static int Count => Vector256<byte>.Count;

    public static int FactorBytes => FieldFactors.TableBytes;

    public static bool HasManyRegisters => false;

    public static LookupVector256 Zero => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LookupVector256 Load(byte* from) => new(Vector256.Load(from));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(LookupVector256 value, byte* to) => value._value.Store(to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LookupVector256 Multiply(LookupVector256 value, byte* factor)
    {
        Vector256<byte> mask = Vector256.Create((byte)0x0F);
        Vector256<byte> low = Avx2.Shuffle(Avx2.BroadcastVector128ToVector256(factor), value._value & mask);
        Vector256<byte> high = Avx2.Shuffle(
            Avx2.BroadcastVector128ToVector256(factor + FieldFactors.HalfTableBytes), (value._value.AsUInt16() >>> 4).AsByte() & mask);
        return new(low ^ high);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LookupVector256 Add(LookupVector256 a, LookupVector256 b) => new(a._value ^ b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LookupVector256 Add(LookupVector256 a, LookupVector256 b, LookupVector256 c) => new(a._value ^ b._value ^ c._value);
}

/// <summary>Sixteen elements on any processor with vectors of 128 bits, by the same lookups.</summary>
internal readonly unsafe struct LookupVector128(Vector128<byte> value) : IFieldVector<LookupVector128>
{
    private readonly Vector128<byte> _value = value;

    public static bool IsSupported => Vector128.IsHardwareAccelerated;

    public static int Count => Vector128<byte>.Count;

    public static int FactorBytes => FieldFactors.TableBytes;

    public static bool HasManyRegisters => false;

    public static LookupVector128 Zero => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LookupVector128 Load(byte* from) => new(Vector128.Load(from));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(LookupVector128 value, byte* to) => value._value.Store(to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LookupVector128 Multiply(LookupVector128 value, byte* factor)
    {
        Vector128<byte> mask = Vector128.Create((byte)0x0F);
        Vector128<byte> low = Vector128.ShuffleNative(Vector128.Load(factor), value._value & mask);
        Vector128<byte> high = Vector128.ShuffleNative(Vector128.Load(factor + FieldFactors.HalfTableBytes), value._value >>> 4);
        return new(low ^ high);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LookupVector128 Add(LookupVector128 a, LookupVector128 b) => new(a._value ^ b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LookupVector128 Add(LookupVector128 a, LookupVector128 b, LookupVector128 c) => new(a._value ^ b._value ^ c._value);
}
