using System.Buffers;
using CsCheck;
using Marketplace.Client.Catalogues;
using Marketplace.Client.Json;
using Marketplace.Client.Names;
using Marketplace.Client.Reading;
using Marketplace.Coding;

namespace Marketplace.Client.Tests.Catalogues;

public sealed class CatalogueTests
{
    [Fact]
    public void A_later_deal_wins_whatever_the_order_of_reading()
    {
        Catalogue catalogue = Catalogue.Fold([Bundles.Deal(7, "+a"), Bundles.Deal(3, "+a", "+b")]);
        Assert.Equal(["a 7", "b 3"], catalogue.Entries.Select(entry => $"{entry.Name} {entry.Deal}"));
    }

    [Fact]
    public void A_removal_takes_a_name_and_what_is_below_it_and_no_namesake() =>
        Assert.Equal(
            ["a-b", "a0", "ab/c"],
            Names(Bundles.Deal(1, "+a/b", "+a/c/d", "+ab/c", "+a-b", "+a0"), Bundles.Deal(2, "-a")));

    [Fact]
    public void A_folder_that_is_put_again_holds_only_what_it_holds_now() =>
        Assert.Equal(["photos/new"], Names(Bundles.Deal(1, "+photos/old"), Bundles.Deal(2, "-photos", "+photos/new")));

    [Fact]
    public void A_file_takes_the_place_of_a_folder_and_the_other_way_round()
    {
        Assert.Equal(["a"], Names(Bundles.Deal(1, "+a/b", "+a/c"), Bundles.Deal(2, "+a")));
        Assert.Equal(["a/b"], Names(Bundles.Deal(1, "+a"), Bundles.Deal(2, "+a/b")));
        Assert.Equal(["a/b/c"], Names(Bundles.Deal(1, "@a"), Bundles.Deal(2, "+a/b/c")));
    }

    [Fact]
    public void An_older_version_shows_again_when_the_later_deal_is_over() =>
        Assert.Equal(1ul, Catalogue.Fold([Bundles.Deal(1, "+a")]).Find("a")!.Deal);

    [Fact]
    public void A_list_shows_one_level_with_each_folder_once()
    {
        Catalogue catalogue = Catalogue.Fold([Bundles.Deal(1, "+a", "/b", "+b-c", "+b/d", "+b/e/f", "@c")]);
        Assert.Equal(["a File", "b Folder", "b-c File", "c Symlink"], Lines(catalogue, "", recursive: false));
        Assert.Equal(["b/d File", "b/e Folder"], Lines(catalogue, "b", recursive: false));
        Assert.Equal(["b/d File", "b/e Folder"], Lines(catalogue, "b/", recursive: false));
        Assert.Equal(["b Folder", "b-c File", "b/d File", "b/e/f File"], Lines(catalogue, "", recursive: true).Where(line => line.StartsWith('b')));
        Assert.Equal(["a File"], Lines(catalogue, "a", recursive: false));
        Assert.Empty(Lines(catalogue, "nothing", recursive: true));
    }

    [Fact]
    public void What_was_removed_stays_removed_when_what_lies_beside_it_is_kept_longer()
    {
        Catalogue catalogue = Catalogue.Fold([Bundles.Deal(1, "+a", "+b"), Bundles.Deal(2, "-a"), Bundles.Deal(3, "+c")]);
        Assert.Equal([1ul, 2ul], catalogue.WithRemovals([1]));
        Assert.Equal([3ul], catalogue.WithRemovals([3]));
    }

    [Fact]
    public void What_an_earlier_deal_said_counts_no_more_once_a_name_was_removed_or_made_a_file()
    {
        Catalogue catalogue = Catalogue.Fold([Bundles.Deal(2, "-a", "+a/b"), Bundles.Deal(3, "+a/c"), Bundles.Deal(5, "+d"), Bundles.Deal(6, "/e"), Bundles.Deal(7, "-f")]);
        Assert.Equal(
            [2ul, 2, 3, 2, 5, 5, 0, 7, 0],
            new[] { "a", "a/b", "a/c", "a/x", "d", "d/x", "e", "f", "g" }.Select(catalogue.SettledBy));
    }

    [Fact]
    public void Folding_agrees_with_a_plain_dictionary()
    {
        string[] names = ["a", "a/b", "a/b/c", "a/d", "a-b", "e", "e/f"];
        Gen<string> step = Gen.Select(Gen.Int[0, 2], Gen.Int[0, names.Length - 1], (kind, at) => "+/-"[kind] + names[at]);
        Gen.Select(step.Array[1, 5], step.Array[1, 5]).Sample(
            (first, second) =>
            {
                var model = new Dictionary<string, char>();
                foreach (string one in first.Concat(second))
                {
                    string at = one[1..];
                    if (one[0] != '-')
                    {
                        foreach (string above in ObjectName.Ancestors(at))
                        {
                            if (model.GetValueOrDefault(above, '/') != '/') model.Remove(above);
                        }
                    }

                    if (one[0] != '/') model.Keys.Where(key => key.StartsWith(at + "/", StringComparison.Ordinal)).ToList().ForEach(key => model.Remove(key));
                    model.Remove(at);
                    if (one[0] != '-') model[at] = one[0];
                }

                Catalogue folded = Catalogue.Fold([Bundles.Deal(2, second), Bundles.Deal(1, first)]);
                return model.Keys.Order(StringComparer.Ordinal).SequenceEqual(folded.Entries.Select(entry => entry.Name));
            },
            iter: 300);
    }

    [Fact]
    public void A_deal_that_cannot_be_read_changes_nothing_under_a_name_that_a_later_one_settled()
    {
        string[] names = ["a", "a/b", "a/b/c", "a/d", "a-b", "e", "e/f"];
        Gen<string[]> steps = Gen.Select(Gen.Int[0, 2], Gen.Int[0, names.Length - 1], (kind, at) => "+/-"[kind] + names[at]).Array[1, 4];
        Gen.Select(steps.Array[2, 4], Gen.UInt[1, 4]).Sample(
            (deals, unread) =>
            {
                DealManifest[] all = [.. deals.Select((one, i) => Bundles.Deal((ulong)i + 1, one))];
                Catalogue whole = Catalogue.Fold(all);
                Catalogue rest = Catalogue.Fold(all.Where(one => one.Deal != unread));
                return names.Where(name => rest.SettledBy(name) > unread).All(name => Said(whole, name).SequenceEqual(Said(rest, name)));
            },
            iter: 300);

        static IEnumerable<(string, ulong)> Said(Catalogue catalogue, string name) => catalogue.Within(name).Select(entry => (entry.Name, entry.Deal));
    }

    [Fact]
    public async Task A_copy_of_a_manifest_opens_only_with_the_right_words_and_unchanged()
    {
        var written = new ArrayBufferWriter<byte>();
        byte[] bundle = Bundles.Write(writer => writer.AddFolder(EntryName.Parse("secret name"), new EntryAttributes(1, Bundles.Time)), manifestCopy: written);
        var keep = new SealedManifest();
        using (var keys = Bundles.Keys())
        {
            await ManifestReader.ReadAsync(
                new ShardGeometry(Domain.Redundancy.Default, bundle.Length),
                (offset, destination, _) =>
                {
                    bundle.AsMemory((int)offset, destination.Length).CopyTo(destination);
                    return Task.CompletedTask;
                },
                keys,
                keep,
                CancellationToken.None);
            byte[] copy = keep.Bytes.ToArray();
            Assert.Equal(copy, written.WrittenSpan.ToArray());
            Assert.Equal("secret name", ManifestReader.Open(copy, bundle.Length, keys)!.Entries.Single().Name.Value);
            Assert.Equal(-1, copy.AsSpan().IndexOf("secret"u8));
            copy[^1] ^= 1;
            Assert.Throws<BundleFormatException>(() => ManifestReader.Open(copy, bundle.Length, keys));
        }

        using var others = Bundles.Keys(seed: 1);
        Assert.Null(ManifestReader.Open(keep.Bytes.Span, bundle.Length, others));
    }

    private static IEnumerable<string> Names(params DealManifest[] deals) => Catalogue.Fold(deals).Entries.Select(entry => entry.Name);

    private static IEnumerable<string> Lines(Catalogue catalogue, string prefix, bool recursive) =>
        catalogue.List(prefix, recursive).Select(line => $"{line.Name} {line.Kind}");
}
