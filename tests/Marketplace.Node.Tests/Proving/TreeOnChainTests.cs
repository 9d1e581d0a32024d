using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Marketplace.Coding;
using Marketplace.Domain;
using Marketplace.Testing;
using Xunit.Abstractions;

namespace Marketplace.Node.Tests.Proving;

/// <summary>Trees and openings made by Marketplace.Coding, judged by the contracts' own library in the EVM.</summary>
[Collection(MarketCollection.Name)]
public sealed class TreeOnChainTests(MarketFixture market, ITestOutputHelper output)
{
    private const int Cases = 10_000;
    private const int CasesPerCall = 200;
    private const string Harness = "0x00000000000000000000000000000000000c0de1";

    [Fact]
    public async Task Ten_thousand_openings_are_judged_alike_here_and_by_the_contract()
    {
        int seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        await market.Chain.CallAsync("hardhat_setCode", Harness, await CompileAsync());

        int right = 0;
        for (int done = 0; done < Cases; done += CasesPerCall)
        {
            var cases = new ArrayBufferWriter<byte>();
            bool[] expected = [.. Enumerable.Range(0, CasesPerCall).Select(_ => WriteCase(random, cases))];
            Assert.Equal(expected, await JudgeAsync(cases.WrittenSpan.ToArray()));
            right += expected.Count(good => good);
        }

        Assert.InRange(right, Cases / 3, Cases);
    }

    /// <summary>A shard of random size, one leaf of it opened; in two of five cases something is changed. Returns whether it should hold.</summary>
    private static bool WriteCase(Random random, ArrayBufferWriter<byte> cases)
    {
        int leaves = random.Next(20) == 0 ? random.Next(1, 3_000) : random.Next(1, 70);
        byte[] bytes = new byte[leaves * MerkleTree.LeafBytes];
        random.NextBytes(bytes);
        var sidecar = new ArrayBufferWriter<byte>();
        using var tree = new MerkleTreeBuilder(sidecar);
        tree.Append(bytes);
        Assert.True(tree.TryFinish(out ShardCommitment shard));
        long leaf = random.Next(leaves);
        byte[] opening = new byte[MerkleTree.LeafBytes + (MerkleTree.Depth(leaves) * MerkleTree.HashBytes)];
        ChallengeProof.WriteLeafAndPath(new InMemory(bytes, sidecar.WrittenSpan.ToArray()), leaves, leaf, opening);

        byte[] root = shard.Root.ToArray();
        long claimedLeaves = leaves;
        switch (random.Next(10))
        {
            case 0:
                opening[random.Next(opening.Length)] ^= (byte)(1 << random.Next(8));
                break;
            case 1:
                root[random.Next(root.Length)] ^= (byte)(1 << random.Next(8));
                break;
            case 2:
                leaf = random.Next(leaves);
                break;
            case 3:
                claimedLeaves = random.Next(1, 70);
                leaf = random.Next((int)claimedLeaves);
                break;
        }

        Span<byte> head = stackalloc byte[40];
        root.CopyTo(head);
        BinaryPrimitives.WriteInt64BigEndian(head[20..], claimedLeaves);
        BinaryPrimitives.WriteInt64BigEndian(head[28..], leaf);
        BinaryPrimitives.WriteInt32BigEndian(head[36..], opening.Length);
        cases.Write(head);
        cases.Write(opening);
        return ChallengeProof.VerifyLeaf(new ShardCommitment(new Root(root), claimedLeaves), leaf, opening);
    }

    private async Task<bool[]> JudgeAsync(byte[] cases)
    {
        // check(bytes,uint256): where the bytes begin, the count, their length, the bytes.
        byte[] call = new byte[4 + 96 + ((cases.Length + 31) / 32 * 32)];
        Hash32.Keccak("check(bytes,uint256)"u8).ToArray().AsSpan(0, 4).CopyTo(call);
        call[4 + 31] = 64;
        BinaryPrimitives.WriteInt32BigEndian(call.AsSpan(4 + 60), CasesPerCall);
        BinaryPrimitives.WriteInt32BigEndian(call.AsSpan(4 + 92), cases.Length);
        cases.CopyTo(call, 4 + 96);
        var request = new JsonObject { ["to"] = Harness, ["data"] = Hex.Encode(call), ["gas"] = "0x1000000" };
        JsonElement answer = await market.Chain.CallAsync("eth_call", request, "latest");
        byte[] verdicts = Hex.Decode(answer.GetString()!);
        return [.. verdicts.AsSpan(64, CasesPerCall).ToArray().Select(verdict => verdict == 1)];
    }

    /// <summary>The code of tests/contracts/support/TreeHarness.sol, compiled as the contracts are.</summary>
    private static async Task<string> CompileAsync()
    {
        const string Library = "contracts/libraries/Tree.sol";
        const string Source = "tests/contracts/support/TreeHarness.sol";
        var sources = new JsonObject();
        foreach (string file in new[] { Library, Source }) sources[file] = new JsonObject { ["content"] = await File.ReadAllTextAsync(Path.Combine(Repository.Root, file)) };
        var input = new JsonObject
        {
            ["language"] = "Solidity",
            ["sources"] = sources,
            ["settings"] = new JsonObject
            {
                ["evmVersion"] = "osaka",
                ["optimizer"] = new JsonObject { ["enabled"] = true, ["runs"] = 200 },
                ["viaIR"] = true,
                ["outputSelection"] = new JsonObject { ["*"] = new JsonObject { ["*"] = new JsonArray("evm.deployedBytecode.object") } },
            },
        };
        using Process compiler = Process.Start(new ProcessStartInfo("node", [Path.Combine(Repository.Root, "scripts", "solc.cjs")])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        })!;
        await compiler.StandardInput.WriteAsync(input.ToJsonString());
        compiler.StandardInput.Close();
        using JsonDocument made = JsonDocument.Parse(await compiler.StandardOutput.ReadToEndAsync());
        return "0x" + made.RootElement.GetProperty("contracts").GetProperty(Source).GetProperty("TreeHarness")
            .GetProperty("evm").GetProperty("deployedBytecode").GetProperty("object").GetString();
    }

    private sealed class InMemory(byte[] bytes, byte[] sidecar) : IShardReader
    {
        public void ReadShard(long offset, Span<byte> destination) => bytes.AsSpan((int)offset, destination.Length).CopyTo(destination);

        public void ReadSidecar(long offset, Span<byte> destination) => sidecar.AsSpan((int)offset, destination.Length).CopyTo(destination);
    }
}
