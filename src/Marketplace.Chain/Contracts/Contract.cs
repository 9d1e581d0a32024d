using Marketplace.Chain.Abi;
using Marketplace.Chain.Eth;
using Marketplace.Chain.Transactions;
using Marketplace.Domain;

namespace Marketplace.Chain.Contracts;

/// <summary>A contract that is known by its ABI at run time.</summary>
public sealed class Contract(Web3 web3, ContractAbi abi, Address address)
{
    /// <summary>Where it lives.</summary>
    public Address Address { get; } = address;

    /// <summary>A function by its name, or by its signature where names are shared.</summary>
    /// <exception cref="KeyNotFoundException">There is no such function.</exception>
    public Function GetFunction(string name)
    {
        FunctionDefinition definition = abi.Functions.FirstOrDefault(function => function.Name == name || function.Name + function.Inputs.Name == name)
            ?? throw new KeyNotFoundException($"The contract has no function '{name}'.");
        return new Function(web3, definition, Address);
    }

    /// <summary>Puts a contract on the chain and waits for it.</summary>
    /// <param name="web3">Who pays.</param>
    /// <param name="abi">The contract's ABI.</param>
    /// <param name="code">Its creation code.</param>
    /// <param name="arguments">What its constructor takes.</param>
    public static async Task<Contract> DeployAsync(Web3 web3, ContractAbi abi, ReadOnlyMemory<byte> code, params object?[] arguments)
    {
        byte[] data = [.. code.Span, .. AbiEncoder.Encode(abi.ConstructorInputs.Types, arguments)];
        TransactionReceipt receipt = await web3.TransactionManager.SendAsync(new FunctionCall("deployment", null, data));
        return new Contract(web3, abi, receipt.ContractAddress ?? throw Rpc.Json.Wrong("a contract's address"));
    }
}

/// <summary>A function of a contract that is known at run time.</summary>
public sealed class Function(Web3 web3, FunctionDefinition definition, Address contract)
{
    /// <summary>The call's bytes.</summary>
    public byte[] GetData(params object?[] arguments) => definition.Encode(arguments);

    /// <summary>Calls a view and gives its results in order.</summary>
    public Task<object?[]> CallAsync(BlockParameter? block, params object?[] arguments) => web3.Eth.CallAsync(
        new FunctionCall<object?[]>(definition.Name, contract, GetData(arguments), output => definition.DecodeOutput(output)), block);

    /// <summary>Calls a view with one result.</summary>
    public async Task<T> CallAsync<T>(params object?[] arguments) => (T)(await CallAsync(null, arguments))[0]!;

    /// <summary>Sends a transaction and waits until a block holds it.</summary>
    public Task<TransactionReceipt> SendTransactionAndWaitForReceiptAsync(
        TransactionOptions? options, CancellationToken token, params object?[] arguments) =>
        web3.TransactionManager.SendAsync(new FunctionCall(definition.Name, contract, GetData(arguments)), options, token);
}
