using System.Security.Cryptography;
using Marketplace.Client.Sources;
using Marketplace.Domain;

namespace Marketplace.Client.Reusing;

/// <summary>Where a file's bytes were stored last.</summary>
/// <param name="Mark">What the file system said of it then.</param>
/// <param name="Deal">The deal.</param>
/// <param name="Record">The record of that deal's manifest that names it.</param>
internal readonly record struct KnownFile(FileMark Mark, ulong Deal, int Record);

/// <summary>A row of a deal's chunk table.</summary>
internal readonly record struct KnownRow(ulong Deal, int Row);

/// <summary>A record of a deal's manifest: a small file.</summary>
internal readonly record struct KnownRecord(ulong Deal, int Record);

/// <summary>
/// What this client stored from this machine: files by path, chunks and small files by content, all under names that tell nothing
/// (<see cref="Coding.ContentIndexKey"/>). Only speed: whoever loses it reads and stores again. Each deal stands with a root of one of its
/// shards, because another chain, or another market on it, gives the same numbers to other deals. What it says is checked against the
/// manifests before it is used.
/// </summary>
internal sealed class ContentIndex
{
    /// <summary>Files, chunks, and small files that are remembered; more are not.</summary>
    public const int RecordsMax = 8_000_000;

    private const uint Magic = 0x4D4B5432;    // "MKT2"; what "MKTI" wrote did not say of which deals it spoke, and is forgotten
    private const int FileBytes = 16 + (5 * 8) + 8 + 4;
    private const int RowBytes = 16 + 8 + 4;
    private const int DealBytes = 8 + Root.SizeBytes;
    private const int HeadBytes = 4 + (4 * 4);

    /// <summary>A root of each deal that is spoken of.</summary>
    public Dictionary<ulong, Root> Deals { get; } = [];

    /// <summary>Files by the name of their path.</summary>
    public Dictionary<UInt128, KnownFile> Files { get; } = [];

    /// <summary>Chunks by the name of their content.</summary>
    public Dictionary<UInt128, KnownRow> Chunks { get; } = [];

    /// <summary>Small files, which share chunks, by the name of their content.</summary>
    public Dictionary<UInt128, KnownRecord> Packed { get; } = [];

    /// <summary>Reads an index; an empty one if there is none or it is damaged.</summary>
    public static ContentIndex Load(string path)
    {
        try
        {
            return Read(File.ReadAllBytes(path)) ?? new ContentIndex();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return new ContentIndex();
        }
    }

    /// <summary>Reads bytes that may be any; null if they are no index.</summary>
    public static ContentIndex? Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeadBytes + SHA256.HashSizeInBytes) return null;
        ReadOnlySpan<byte> content = bytes[..^SHA256.HashSizeInBytes];
        if (!SHA256.HashData(content).AsSpan().SequenceEqual(bytes[content.Length..])) return null;
        using var reader = new BinaryReader(new MemoryStream(content.ToArray()));
        if (reader.ReadUInt32() != Magic) return null;
        int deals = reader.ReadInt32();
        int files = reader.ReadInt32();
        int chunks = reader.ReadInt32();
        int packed = reader.ReadInt32();
        if (deals < 0 || files < 0 || chunks < 0 || packed < 0) return null;
        if (content.Length != HeadBytes + ((long)deals * DealBytes) + ((long)files * FileBytes) + (((long)chunks + packed) * RowBytes)) return null;
        var index = new ContentIndex();
        for (int i = 0; i < deals; i++) index.Deals[reader.ReadUInt64()] = new Root(reader.ReadBytes(Root.SizeBytes));
        for (int i = 0; i < files; i++)
        {
            UInt128 name = ReadName(reader);
            var mark = new FileMark(reader.ReadInt64(), reader.ReadInt64(), reader.ReadInt64(), reader.ReadUInt64(), reader.ReadUInt64());
            index.Files[name] = new KnownFile(mark, reader.ReadUInt64(), reader.ReadInt32());
        }

        for (int i = 0; i < chunks; i++) index.Chunks[ReadName(reader)] = new KnownRow(reader.ReadUInt64(), reader.ReadInt32());
        for (int i = 0; i < packed; i++) index.Packed[ReadName(reader)] = new KnownRecord(reader.ReadUInt64(), reader.ReadInt32());
        return index;
    }

    /// <summary>Writes the index in one step; a disk that does not take it is no failure.</summary>
    public void Save(string path)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            string beside = $"{path}.{Guid.NewGuid().ToString("N")[..8]}";
            File.WriteAllBytes(beside, ToBytes());
            File.Move(beside, path, overwrite: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The next put reads and stores more than it must.
        }
    }

    /// <summary>The index as it is kept.</summary>
    public byte[] ToBytes()
    {
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        writer.Write(Magic);
        writer.Write(Deals.Count);
        writer.Write(Math.Min(Files.Count, RecordsMax));
        writer.Write(Math.Min(Chunks.Count, RecordsMax));
        writer.Write(Math.Min(Packed.Count, RecordsMax));
        foreach ((ulong deal, Root root) in Deals)
        {
            writer.Write(deal);
            writer.Write(root.ToArray());
        }

        foreach ((UInt128 name, KnownFile file) in Files.Take(RecordsMax))
        {
            WriteName(writer, name);
            writer.Write(file.Mark.Bytes);
            writer.Write(file.Mark.Modified);
            writer.Write(file.Mark.Changed);
            writer.Write(file.Mark.Inode);
            writer.Write(file.Mark.Device);
            writer.Write(file.Deal);
            writer.Write(file.Record);
        }

        foreach ((UInt128 name, KnownRow row) in Chunks.Take(RecordsMax))
        {
            WriteName(writer, name);
            writer.Write(row.Deal);
            writer.Write(row.Row);
        }

        foreach ((UInt128 name, KnownRecord file) in Packed.Take(RecordsMax))
        {
            WriteName(writer, name);
            writer.Write(file.Deal);
            writer.Write(file.Record);
        }

        writer.Flush();
        writer.Write(SHA256.HashData(bytes.GetBuffer().AsSpan(0, (int)bytes.Length)));
        writer.Flush();
        return bytes.ToArray();
    }

    /// <summary>Forgets what lies in deals that are gone, or whose numbers are other deals' now.</summary>
    /// <param name="isThere">Whether there is a deal with this number and a shard with this root.</param>
    public void KeepOnly(Func<ulong, Root, bool> isThere)
    {
        HashSet<ulong> kept = [.. Deals.Where(deal => isThere(deal.Key, deal.Value)).Select(deal => deal.Key)];
        Forget(Deals, deal => deal.Key);
        Forget(Files, file => file.Value.Deal);
        Forget(Chunks, row => row.Value.Deal);
        Forget(Packed, file => file.Value.Deal);

        void Forget<TKey, TValue>(Dictionary<TKey, TValue> known, Func<KeyValuePair<TKey, TValue>, ulong> dealOf)
            where TKey : notnull
        {
            foreach (KeyValuePair<TKey, TValue> one in known)
            {
                if (!kept.Contains(dealOf(one))) known.Remove(one.Key);
            }
        }
    }

    private static UInt128 ReadName(BinaryReader reader) => new(reader.ReadUInt64(), reader.ReadUInt64());

    private static void WriteName(BinaryWriter writer, UInt128 name)
    {
        writer.Write((ulong)(name >> 64));
        writer.Write((ulong)name);
    }
}
