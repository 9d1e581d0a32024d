using System.Globalization;
using System.Text;
using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Storage;

/// <summary>
/// What is written down of a shard that lies in pieces: whose it is, root, leaves, its own id, the bytes of shard in each piece, and the addresses of
/// the pieces that list the addresses of all others. Text, one thing a line.
/// </summary>
internal sealed record ShardParts(string Id, string Owner, ShardCommitment Shard, int PartBytes, IReadOnlyList<string> Lists)
{
    private const string Magic = "market shard 1";
    private const int IdChars = 32;
    private const int ListsMax = 1 << 20;

    public long Count => (Shard.Bytes + PartBytes - 1) / PartBytes;

    public byte[] Write()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Magic}\n{Id}\n{Owner}\n{Shard.Root}\n{Shard.Leaves}\n{PartBytes}\n");
        foreach (string list in Lists) text.Append(list).Append('\n');
        return Encoding.ASCII.GetBytes(text.ToString());
    }

    /// <summary>Reads a record; it may come from anywhere, so null means that it is none.</summary>
    public static ShardParts? TryRead(ReadOnlySpan<byte> bytes)
    {
        string[] lines = Encoding.ASCII.GetString(bytes).Split('\n');
        if (lines.Length is < 8 or > ListsMax || lines[0] != Magic || lines[^1].Length != 0) return null;
        bool isId = lines[1].Length == IdChars && lines[1].All(char.IsAsciiHexDigitLower);
        if (!isId || !Root.TryParse(lines[3], null, out Root root)) return null;
        if (!long.TryParse(lines[4], NumberStyles.None, CultureInfo.InvariantCulture, out long leaves) || leaves is < 1 or > MerkleTree.LeavesMax) return null;
        if (!int.TryParse(lines[5], NumberStyles.None, CultureInfo.InvariantCulture, out int partBytes) || partBytes < MerkleTree.LeafBytes || partBytes % MerkleTree.LeafBytes != 0) return null;
        return new ShardParts(lines[1], lines[2], new ShardCommitment(root, leaves), partBytes, lines[6..^1]);
    }
}
