using CsCheck;
using Marketplace.Client.Json;
using Marketplace.Client.Sources;
using Marketplace.Client.Tests.Catalogues;
using Marketplace.Client.Uploads;
using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Client.Tests.Uploads;

public sealed class BundleBoundTests
{
    [Fact]
    public void No_bundle_is_longer_than_was_reckoned_before_it_was_made()
    {
        Gen<int> bytes = Gen.OneOf(Gen.Int[0, 600], Gen.Int[200_000, 300_000], Gen.Int[1_000_000, 3_000_000]);
        Gen<string> part = Gen.String[Gen.Char['a', '\u04ff'], 1, 40].Where(text => EntryName.TryParse(text, out _));
        Gen.Select(bytes.Array[0, 6], part, Gen.Int).Sample(
            (lengths, folder, seed) =>
            {
                SourceEntry[] entries =
                [
                    .. lengths.Select((length, i) => new SourceEntry($"{folder}/{i}", ObjectKind.File, "", length, Bundles.Time, Executable: false, null)),
                    new SourceEntry($"{folder}/link", ObjectKind.Symlink, "", 0, Bundles.Time, Executable: false, folder),
                ];
                long most = BundleBound.BytesMax([new SourceObject(folder, ObjectKind.Folder, entries)], Redundancy.Default);
                var random = new Random(seed);
                byte[] bundle = Bundles.Write(writer =>
                {
                    writer.AddRemoval(EntryName.Parse(folder));
                    foreach (SourceEntry entry in entries)
                    {
                        EntryName name = EntryName.Parse(entry.Name);
                        if (entry.Kind is ObjectKind.Symlink)
                        {
                            writer.AddSymlink(name, new EntryAttributes(1, Bundles.Time), folder);
                            continue;
                        }

                        writer.BeginFile(name, new EntryAttributes(1, Bundles.Time));
                        byte[] content = new byte[entry.Bytes];
                        random.NextBytes(content);
                        writer.Write(content);
                        writer.CompleteFile();
                    }
                });
                return bundle.Length <= most;
            },
            iter: 40);
    }

    [Fact]
    public void A_gibibyte_is_reckoned_with_little_to_spare()
    {
        var entry = new SourceEntry("big", ObjectKind.File, "", 1L << 30, Bundles.Time, Executable: false, null);
        long most = BundleBound.BytesMax([new SourceObject("big", ObjectKind.File, [entry])], Redundancy.Default);
        Assert.InRange(most, 1L << 30, (1L << 30) * 104 / 100);
    }
}
