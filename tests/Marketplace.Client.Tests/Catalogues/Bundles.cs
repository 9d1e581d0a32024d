using System.Buffers;
using Marketplace.Client.Catalogues;
using Marketplace.Client.Keys;
using Marketplace.Client.Reading;
using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Client.Tests.Catalogues;

/// <summary>Makes real bundles in memory.</summary>
internal static class Bundles
{
    public static readonly DateTimeOffset Time = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private static readonly byte[] s_seed = [.. Enumerable.Range(0, MasterKey.SeedBytes).Select(i => (byte)i)];

    public static OwnKeys Keys(byte seed = 0)
    {
        byte[] other = [.. s_seed];
        other[0] ^= seed;
        return new OwnKeys(MasterKey.FromSeed(other));
    }

    public static byte[] Write(Action<BundleWriter> fill, BundleKeys? keys = null, IKnownChunks? known = null, IBufferWriter<byte>? manifestCopy = null)
    {
        using BundleKeys own = keys ?? Keys();
        using BundleKey key = own.Create();
        var sink = new ArrayBufferWriter<byte>();
        using var writer = new BundleWriter(key, ShardGeometry.BundleUnit(Redundancy.Default), sink, known: known) { ManifestCopy = manifestCopy };
        fill(writer);
        while (!writer.CompleteStep(out _))
        {
        }

        return sink.WrittenSpan.ToArray();
    }

    public static Manifest Read(byte[] bundle)
    {
        using OwnKeys keys = Keys();
        Task<Manifest?> reading = ManifestReader.ReadAsync(
            new ShardGeometry(Redundancy.Default, bundle.Length),
            (offset, destination, _) =>
            {
                bundle.AsSpan((int)offset, destination.Length).CopyTo(destination.Span);
                return Task.CompletedTask;
            },
            keys,
            null,
            CancellationToken.None);
        return reading.GetAwaiter().GetResult()!;
    }

    /// <summary>A deal whose manifest holds steps such as <c>+a/b</c> (a file), <c>/a</c> (a folder), <c>@a</c> (a link), <c>-a</c> (a removal).</summary>
    public static DealManifest Deal(ulong number, params string[] steps) => new(number, Read(Write(writer =>
    {
        foreach (string step in steps)
        {
            EntryName name = EntryName.Parse(step[1..]);
            var attributes = new EntryAttributes((uint)number, Time);
            if (step[0] == '-')
            {
                writer.AddRemoval(name);
            }
            else if (step[0] == '/')
            {
                writer.AddFolder(name, attributes);
            }
            else if (step[0] == '@')
            {
                writer.AddSymlink(name, attributes, "target");
            }
            else
            {
                writer.BeginFile(name, attributes);
                writer.Write([1, 2, 3]);
                writer.CompleteFile();
            }
        }
    })));
}
