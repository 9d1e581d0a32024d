namespace Marketplace.Coding;

/// <summary>Reads the fields of one manifest record; every read checks and throws <see cref="BundleFormatException"/>.</summary>
internal ref struct RecordReader(ReadOnlySpan<byte> record)
{
    private ReadOnlySpan<byte> _left = record;

    public byte Byte()
    {
        if (_left.IsEmpty) throw Malformed();
        byte value = _left[0];
        _left = _left[1..];
        return value;
    }

    public ulong Number()
    {
        int bytes = VarInt.Read(_left, out ulong value);
        if (bytes <= 0) throw Malformed();
        _left = _left[bytes..];
        return value;
    }

    /// <summary>A number below 2⁶³.</summary>
    public long Signed() => Number() is var value and <= long.MaxValue ? (long)value : throw Malformed();

    /// <summary>A number below 2³¹.</summary>
    public int Int() => Number() is var value and <= int.MaxValue ? (int)value : throw Malformed();

    public DateTimeOffset Time()
    {
        long ticks = VarInt.UnZigZag(Number());
        long epoch = DateTimeOffset.UnixEpoch.Ticks;
        if (ticks < -epoch || ticks > DateTimeOffset.MaxValue.UtcTicks - epoch) throw Malformed();
        return new DateTimeOffset(epoch + ticks, TimeSpan.Zero);
    }

    public EntryName Name() => EntryName.TryRead(Counted(EntryName.BytesMax), out EntryName name)
        ? name
        : throw new BundleFormatException(BundleFault.BadName, "The manifest holds a name that is not allowed.");

    public string LinkTarget()
    {
        ReadOnlySpan<byte> utf8 = Counted(Manifest.LinkTargetBytesMax);
        return !utf8.IsEmpty && !utf8.Contains((byte)0) && EntryName.TryReadText(utf8, out string? text)
            ? text
            : throw new BundleFormatException(BundleFault.BadName, "The manifest holds a link target that is not allowed.");
    }

    public readonly void MustBeAtEnd()
    {
        if (!_left.IsEmpty) throw Malformed();
    }

    private ReadOnlySpan<byte> Counted(int bytesMax)
    {
        ulong bytes = Number();
        if (bytes > (ulong)bytesMax || bytes > (ulong)_left.Length) throw Malformed();
        ReadOnlySpan<byte> value = _left[..(int)bytes];
        _left = _left[(int)bytes..];
        return value;
    }

    private static BundleFormatException Malformed() => new(BundleFault.Malformed, "The manifest is malformed: a record's fields.");
}
