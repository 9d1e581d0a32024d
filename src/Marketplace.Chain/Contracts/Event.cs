using System.Diagnostics.CodeAnalysis;
using Marketplace.Chain.Eth;
using Marketplace.Domain;

namespace Marketplace.Chain.Contracts;

/// <summary>An event that was read from a log. Generated events implement it.</summary>
public interface IContractEvent;

/// <summary>A generated event that knows how it is read.</summary>
/// <typeparam name="TSelf">The event.</typeparam>
public interface IContractEvent<TSelf> : IContractEvent where TSelf : class, IContractEvent<TSelf>
{
    /// <summary>The event in the ABI.</summary>
    static abstract EventDefinition Definition { get; }

    /// <summary>Makes the event from its members in order.</summary>
    static abstract TSelf FromAbiValues(IReadOnlyList<object?> values);
}

/// <summary>An event and the log that it was read from.</summary>
public sealed record EventLog<T>(T Event, Log Log);

/// <summary>One kind of event of one contract.</summary>
/// <typeparam name="T">The event.</typeparam>
public sealed class Event<T>(EthApi eth, Address contract) where T : class, IContractEvent<T>
{
    /// <summary>The first topic of such logs.</summary>
    public Hash32 Topic => T.Definition.Topic;

    /// <summary>All such logs of this contract.</summary>
    public LogFilter Filter => new() { Addresses = [contract], Topics = [[Topic]] };

    /// <summary>Reads a log of this contract. False if it is of another contract or another event.</summary>
    public bool TryDecode(Log log, [NotNullWhen(true)] out T? value)
    {
        value = null;
        if (log.Address != contract || !T.Definition.TryDecode(log, out object?[] values)) return false;
        value = T.FromAbiValues(values);
        return true;
    }

    /// <summary>The events in a receipt.</summary>
    public IReadOnlyList<T> DecodeAll(TransactionReceipt receipt)
    {
        List<T> found = [];
        foreach (Log log in receipt.Logs)
        {
            if (TryDecode(log, out T? value)) found.Add(value);
        }

        return found;
    }

    /// <summary>The events of some blocks, both ends included. Endpoints limit how many blocks one request may span.</summary>
    public async Task<IReadOnlyList<EventLog<T>>> GetAllChangesAsync(ulong from, ulong to, CancellationToken token = default)
    {
        List<EventLog<T>> found = [];
        foreach (Log log in await eth.GetLogsAsync(Filter, from, to, token))
        {
            if (TryDecode(log, out T? value)) found.Add(new EventLog<T>(value, log));
        }

        return found;
    }
}
