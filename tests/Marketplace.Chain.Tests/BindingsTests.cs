using System.Numerics;
using Marketplace.Chain.Abi;
using Marketplace.Chain.Contracts;
using Marketplace.Chain.Eth;
using Marketplace.Chain.TypedData;
using Marketplace.Domain;
using Kitchens = Marketplace.Chain.Tests.Kitchens;

namespace Marketplace.Chain.Tests;

/// <summary>What the generator makes of an ABI that has one of everything (TestAbis/Kitchen.json); that it compiles is half of the test.</summary>
public sealed class BindingsTests : IDisposable
{
    private static readonly Address s_address = Address.Parse("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");

    private static readonly Kitchens.Dish s_dish = new(
        "soup",
        [[new Kitchens.Step(1, -5, [1, 2]), new Kitchens.Step(2, long.MaxValue, [])]],
        new Root(new byte[20]),
        new byte[20],
        Hash32.Keccak("h"u8),
        [1, 2, (1UL << 40) - 1],
        UInt128.MaxValue,
        BigInteger.MinusOne);

    private readonly Web3 _web3 = new("http://127.0.0.1:1");
    private readonly Kitchens.KitchenService _kitchen;

    public BindingsTests() => _kitchen = new Kitchens.KitchenService(_web3, s_address);

    [Fact]
    public void Calls_have_the_bytes_that_the_abi_at_run_time_gives()
    {
        FunctionCall call = _kitchen.CookRequest(s_dish, s_address, [true, false], -3);

        string abi = File.ReadAllText(Path.Combine(Testing.Repository.Root, "tests/Marketplace.Chain.Tests/TestAbis/Kitchen.json"));
        byte[] expected = _web3.GetContract(abi, s_address).GetFunction("cook").GetData(
            new object[]
            {
                "soup",
                new object[] { new object[] { new object[] { 1, -5, new byte[] { 1, 2 } }, new object[] { 2, long.MaxValue, Array.Empty<byte>() } } },
                new byte[20], new byte[20], Hash32.Keccak("h"u8), new object[] { 1, 2, (1L << 40) - 1 }, UInt128.MaxValue, -1,
            },
            s_address, new[] { true, false }, -3);
        Assert.Equal(Hex.Encode(expected), Hex.Encode(call.Data.Span));
        Assert.Equal(("Kitchen.cook", (Address?)s_address), (call.Name, call.To));
    }

    [Fact]
    public void A_struct_is_read_back_as_it_was_written()
    {
        byte[] data = AbiCodec.Encode([Kitchens.Dish.AbiType], s_dish);

        Kitchens.Dish read = Kitchens.Dish.FromAbiValues((IReadOnlyList<object?>)AbiCodec.Decode([Kitchens.Dish.AbiType], data)[0]!);

        Assert.Equivalent(s_dish, read, strict: true);
        Assert.Equal(Hex.Encode(data), Hex.Encode(AbiCodec.Encode([Kitchens.Dish.AbiType], read)));
    }

    [Fact]
    public void Results_are_read_into_their_types()
    {
        FunctionCall<(uint Value0, Address Who)> call = _kitchen.LookRequest(BigInteger.One);

        (uint number, Address who) = call.Decode(AbiCodec.Encode([AbiType.Parse("uint32"), AbiType.Parse("address")], 7, s_address));

        Assert.Equal((7U, s_address), (number, who));
        // The same name and C# types: the second is told apart by a number.
        FunctionCall<byte[]> other = _kitchen.Look2Request(BigInteger.One);
        Assert.NotEqual(call.Data.ToArray(), other.Data.ToArray());
        Assert.Equal((ushort)250, _kitchen.OvenHeatMaxRequest().Decode(AbiCodec.Encode([AbiType.Parse("uint16")], 250)));
    }

    [Fact]
    public void An_event_is_read_from_topics_and_data()
    {
        Hash32 words = Hash32.Keccak("words"u8);
        Log log = new(
            s_address,
            [Kitchens.ServedEvent.Topic, new Hash32(AbiCodec.Encode([AbiType.Parse("uint64")], 9)), words, new Hash32(AbiCodec.Encode([AbiType.Parse("address")], s_address))],
            AbiCodec.Encode([AbiType.Parse("string"), AbiType.Parse("uint16[]")], "more", new ushort[] { 4, 5 }),
            new BlockRef(1, default), default, 0, 0);

        Kitchens.ServedEvent served = Kitchens.ServedEvent.Decode(log)!;

        Assert.Equal((9UL, words, "more", s_address), (served.Id, served.Words, served.Words2, served.Cook));
        Assert.Equal([4, 5], served.Sizes);
        Assert.True(Kitchens.KnownContracts.TryDecodeEvent(log, out IContractEvent? known) && known is Kitchens.ServedEvent);
        Assert.Equal(Hash32.Keccak("Served(uint64,string,string,address,uint16[])"u8), Kitchens.ServedEvent.Topic);
        Assert.Null(Kitchens.ServedEvent.Decode(log with { Data = [] }));
        Assert.Null(Kitchens.ServedEvent.Decode(log with { Topics = [.. log.Topics.Take(3)] }));
        Assert.False(_kitchen.ServedEvents.TryDecode(log with { Address = Address.Zero }, out _));
    }

    [Fact]
    public void Errors_are_read_and_written_as_people_read_them()
    {
        byte[] data =
        [
            .. AbiCodec.Selector("Kitchen_TooHot(uint16,string,bytes)"),
            .. AbiCodec.Encode([AbiType.Parse("uint16"), AbiType.Parse("string"), AbiType.Parse("bytes")], 300, "oven", new byte[] { 0xab }),
        ];

        ContractError error = Kitchens.KnownContracts.Errors.Decode(data);

        Assert.IsType<Kitchens.KitchenTooHotError>(error);
        Assert.Equal("""Kitchen_TooHot(degrees: 300, where: "oven", 0xab)""", error.ToString());
        Assert.Equal("Kitchen_Closed", Kitchens.KnownContracts.Errors.Decode(AbiCodec.Selector("Kitchen_Closed()")).ToString());
        Assert.Null(Kitchens.KitchenClosedError.TryDecode(data));
    }

    [Theory]
    [InlineData("0x08c379a0000000000000000000000000000000000000000000000000000000000000002000000000000000000000000000000000000000000000000000000000000000026e6f000000000000000000000000000000000000000000000000000000000000", "Error(\"no\")")]
    [InlineData("0x4e487b710000000000000000000000000000000000000000000000000000000000000011", "Panic(code: 17)")]
    [InlineData("0x", "no reason given")]
    [InlineData("0x01020304", "unknown error(0x01020304)")]
    [InlineData("0x4e487b71", "unknown error(0x4e487b71)")]
    public void Reverts_that_no_contract_declares_are_told_too(string data, string text) =>
        Assert.Equal(text, KnownContracts.Errors.Decode(Hex.Decode(data)).ToString());

    [Fact]
    public void A_generated_struct_is_typed_data_under_its_own_name()
    {
        TypedMessage message = TypedMessage.From(new TypedDomain("Kitchen", "1", 1, s_address), new Kitchens.Step(1, 2, [3]));

        Assert.Equal("Step(uint8 class,int64 _minutes,bytes )", TypedMessage.EncodeType(message.Type));
    }

    public void Dispose() => _web3.Dispose();
}
