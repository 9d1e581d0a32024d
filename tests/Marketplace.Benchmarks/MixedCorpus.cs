using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace Marketplace.Benchmarks;

/// <summary>A file of the corpus.</summary>
internal sealed record CorpusFile(string Name, byte[] Content);

/// <summary>
/// Real files that every machine with the SDK has, a fifth of the bytes of each kind: source (the SDK's texts), logs (lines as services
/// write them, made from a seed), binaries (the SDK's libraries), packed (what Deflate makes of such files) and random.
/// The same machine gives the same corpus.
/// </summary>
internal static class MixedCorpus
{
    private const int Kinds = 5;
    private const int FileBytesMax = 16 << 20;

    private static readonly string[] s_sourceEndings = [".xml", ".targets", ".props", ".json", ".txt", ".cs", ".md", ".fs", ".vb", ".xaml"];

    /// <summary>Files of about so many bytes together.</summary>
    public static IReadOnlyList<CorpusFile> Create(long bytes)
    {
        string sdk = Path.GetDirectoryName(Environment.ProcessPath) is { } folder && File.Exists(Path.Combine(folder, "dotnet"))
            ? folder
            : throw new InvalidOperationException("The corpus is made of the SDK's own files: run with dotnet.");
        string[] all = Directory.GetFiles(sdk, "*", SearchOption.AllDirectories);
        Array.Sort(all, StringComparer.Ordinal);
        new Random(1).Shuffle(all);
        long share = bytes / Kinds;
        var random = new Random(2);
        return
        [
            .. Real("source", all.Where(path => s_sourceEndings.Contains(Path.GetExtension(path))), share),
            .. Made("logs", share, 6 << 20, size => Log(size, random)),
            .. Real("binaries", all.Where(path => Path.GetExtension(path) is ".dll" or ".so"), share),
            .. Packed(Real("packed", all.Reverse().Where(path => Path.GetExtension(path) is ".dll" or ".xml"), 4 * share), share),
            .. Made("random", share, 8 << 20, size => Noise(size, random)),
        ];
    }

    /// <summary>Writes the files below a folder.</summary>
    public static void Write(string folder, IEnumerable<CorpusFile> files)
    {
        foreach (CorpusFile file in files)
        {
            string path = Path.Combine(folder, file.Name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, file.Content);
        }
    }

    private static IEnumerable<CorpusFile> Real(string kind, IEnumerable<string> paths, long bytes)
    {
        int number = 0;
        foreach (string path in paths)
        {
            if (bytes <= 0) yield break;
            byte[] content = File.ReadAllBytes(path);
            if (content.Length is 0 or > FileBytesMax) continue;
            if (content.Length > bytes) content = content[..(int)bytes];
            bytes -= content.Length;
            yield return new CorpusFile($"{kind}/{number++:D5}-{Path.GetFileName(path)}", content);
        }
    }

    private static IEnumerable<CorpusFile> Made(string kind, long bytes, int fileBytes, Func<int, byte[]> make)
    {
        for (int number = 0; bytes > 0; number++)
        {
            byte[] content = make((int)Math.Min(bytes, fileBytes));
            bytes -= content.Length;
            yield return new CorpusFile($"{kind}/{number:D5}", content);
        }
    }

    private static IEnumerable<CorpusFile> Packed(IEnumerable<CorpusFile> files, long bytes)
    {
        foreach (CorpusFile file in files)
        {
            if (bytes <= 0) yield break;
            using var packed = new MemoryStream();
            using (var deflate = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true)) deflate.Write(file.Content);
            byte[] content = packed.ToArray();
            if (content.Length > bytes) content = content[..(int)bytes];
            bytes -= content.Length;
            yield return new CorpusFile(file.Name + ".gz", content);
        }
    }

    private static byte[] Log(int bytes, Random random)
    {
        string[] levels = ["INFO", "INFO", "INFO", "DEBUG", "WARN", "ERROR"];
        string[] parts = ["http.server", "storage.depot", "chain.follower", "proof.worker", "gossip.member"];
        string[] verbs = ["served", "stored", "verified", "retried", "expired", "refused"];
        var time = new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        var text = new StringBuilder(bytes + 256);
        while (text.Length < bytes)
        {
            time = time.AddMilliseconds(random.Next(1, 400));
            text.Append(CultureInfo.InvariantCulture, $"{time:O} {levels[random.Next(levels.Length)]} [{parts[random.Next(parts.Length)]}] ");
            text.Append(CultureInfo.InvariantCulture, $"request={random.NextInt64():x16} peer=10.{random.Next(256)}.{random.Next(256)}.{random.Next(256)}:{random.Next(1024, 65536)} ");
            text.Append(CultureInfo.InvariantCulture, $"{verbs[random.Next(verbs.Length)]} /v1/shards/{random.Next(4000):x8} in {random.NextDouble() * 200:F3} ms, {random.Next(1 << 20)} bytes\n");
        }

        return Encoding.ASCII.GetBytes(text.ToString(0, bytes));
    }

    private static byte[] Noise(int bytes, Random random)
    {
        byte[] noise = new byte[bytes];
        random.NextBytes(noise);
        return noise;
    }
}
