using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Marketplace.Chain.Eth;
using Marketplace.Domain;

namespace Marketplace.Chain.Following;

/// <summary>
/// How far a follower has come, and the hashes of the last blocks, by which it notices that they were replaced. A value: store its
/// text in the same transaction as what was made of the changes, and nothing is lost or done twice.
/// </summary>
public sealed class ChainCursor : IParsable<ChainCursor>
{
    private const string Version = "1";

    internal ChainCursor(ulong startBlock, ulong nextBlock, IReadOnlyList<BlockRef> recent)
    {
        StartBlock = startBlock;
        NextBlock = nextBlock;
        Recent = recent;
    }

    /// <summary>The first block that was ever asked for.</summary>
    public ulong StartBlock { get; }

    /// <summary>The first block that was not applied yet.</summary>
    public ulong NextBlock { get; }

    /// <summary>The block before <see cref="NextBlock"/>, the last that was applied; null before the first step, and after a new beginning.</summary>
    public BlockRef? Last => Recent.Count > 0 ? Recent[^1] : null;

    /// <summary>The last applied blocks, oldest first.</summary>
    internal IReadOnlyList<BlockRef> Recent { get; }

    /// <summary>Begins with a block; nothing before it is looked at.</summary>
    public static ChainCursor StartAt(ulong block) => new(block, block, []);

    /// <inheritdoc/>
    public static ChainCursor Parse(string s, IFormatProvider? provider = null) =>
        TryParse(s, provider, out ChainCursor? cursor) ? cursor : throw new FormatException("The text is no cursor of a chain.");

    /// <inheritdoc/>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, [MaybeNullWhen(false)] out ChainCursor result)
    {
        result = null;
        string[] parts = (s ?? "").Split(' ');
        if (parts.Length < 3 || parts[0] != Version || !TryNumber(parts[1], out ulong start) || !TryNumber(parts[2], out ulong next) || next < start)
            return false;
        List<BlockRef> recent = new(parts.Length - 3);
        foreach (string part in parts.AsSpan(3))
        {
            int colon = part.IndexOf(':');
            if (colon < 0 || !TryNumber(part[..colon], out ulong number) || !Hash32.TryParse(part[(colon + 1)..], provider, out Hash32 hash)) return false;
            if (number >= next || (recent.Count > 0 && recent[^1].Number >= number)) return false;
            recent.Add(new BlockRef(number, hash));
        }

        result = new ChainCursor(start, next, recent);
        return true;
    }

    /// <summary>The text to store: version, start, next, then number:hash of the remembered blocks.</summary>
    public override string ToString()
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"{Version} {StartBlock} {NextBlock}");
        foreach (BlockRef block in Recent) text.Append(CultureInfo.InvariantCulture, $" {block.Number}:{block.Hash}");
        return text.ToString();
    }

    /// <summary>Back to before a block; the blocks from there on are forgotten.</summary>
    internal ChainCursor BackTo(ulong block) => new(StartBlock, block, [.. Recent.TakeWhile(known => known.Number < block)]);

    /// <summary>On behind some blocks; only the last <paramref name="depth"/> heights stay known.</summary>
    internal ChainCursor Advance(IReadOnlyList<BlockRef> blocks, int depth)
    {
        ulong last = blocks[^1].Number;
        ulong first = last >= (ulong)depth ? last - (ulong)depth + 1 : 0;
        return new ChainCursor(StartBlock, last + 1, [.. Recent.Concat(blocks).Where(block => block.Number >= first)]);
    }

    private static bool TryNumber(string text, out ulong number) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
