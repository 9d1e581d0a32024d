using System.Numerics;
using Marketplace.Domain;

namespace Marketplace.Chain.Contracts;

/// <summary>A call that is ready to be simulated, estimated, batched or sent: receiver, bytes and coins.</summary>
/// <param name="Name">What people call it, for messages.</param>
/// <param name="To">The contract, or null to make one.</param>
/// <param name="Data">Selector and arguments.</param>
public record FunctionCall(string Name, Address? To, ReadOnlyMemory<byte> Data)
{
    /// <summary>Wei that go along.</summary>
    public BigInteger Value { get; init; }
}

/// <summary>A call whose result can be read.</summary>
/// <typeparam name="T">What the function gives back.</typeparam>
public sealed record FunctionCall<T>(string Name, Address? To, ReadOnlyMemory<byte> Data, Func<byte[], T> Decode) : FunctionCall(Name, To, Data);
