namespace Marketplace.Chain.Abi;

/// <summary>A value does not fit its ABI type, or bytes are no valid ABI encoding.</summary>
public sealed class AbiException(string message) : Exception(message);
