using Marketplace.Chain.Accounts;
using Marketplace.Chain.Contracts;
using Marketplace.Chain.Eth;
using Marketplace.Chain.Rpc;
using Marketplace.Chain.Transactions;
using Marketplace.Domain;

namespace Marketplace.Chain;

/// <summary>A connection to a chain, for reading and, with an account, for sending. Safe for use by many threads.</summary>
public sealed class Web3 : IDisposable
{
    private readonly TransactionManager? _transactionManager;

    /// <summary>Connects to read only.</summary>
    /// <param name="url">One endpoint, or several separated by commas.</param>
    public Web3(string url) : this(null, RpcClient.Parse(url)) { }

    /// <summary>Connects to read and to send as <paramref name="account"/>, which the caller goes on to own.</summary>
    /// <param name="account">Who sends.</param>
    /// <param name="url">One endpoint, or several separated by commas.</param>
    public Web3(Account account, string url) : this(account, RpcClient.Parse(url)) { }

    /// <summary>Connects with everything chosen; the client is disposed with this.</summary>
    public Web3(Account? account, RpcClient client, TransactionPolicy? policy = null, TimeProvider? time = null, ErrorCatalog? errors = null)
    {
        Account = account;
        Eth = new EthApi(client, errors ?? KnownContracts.Errors);
        if (account is not null) _transactionManager = new TransactionManager(Eth, account, policy ?? new TransactionPolicy(), time ?? TimeProvider.System);
    }

    /// <summary>Who sends, or null when this only reads.</summary>
    public Account? Account { get; }

    /// <summary>The chain.</summary>
    public EthApi Eth { get; }

    /// <summary>Sends transactions.</summary>
    /// <exception cref="InvalidOperationException">There is no account.</exception>
    public TransactionManager TransactionManager =>
        _transactionManager ?? throw new InvalidOperationException("This connection only reads: it was made without an account.");

    /// <summary>A contract that is known by its ABI at run time.</summary>
    /// <param name="abi">The ABI's JSON, or a compiler's artifact that holds it.</param>
    /// <param name="address">Where it lives.</param>
    public Contract GetContract(string abi, Address address) => new(this, ContractAbi.Parse(abi), address);

    /// <inheritdoc/>
    public void Dispose() => Eth.Rpc.Dispose();
}
