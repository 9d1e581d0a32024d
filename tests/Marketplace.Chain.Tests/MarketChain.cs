using Marketplace.Testing;

namespace Marketplace.Chain.Tests;

/// <summary>One real chain with the market's contracts, for all tests that do not throw blocks away.</summary>
public sealed class MarketChain : IAsyncLifetime
{
    private LocalChain? _chain;
    private Deployment? _deployment;

    public LocalChain Chain => _chain!;

    public Deployment Deployment => _deployment!;

    public MarketContracts Connect(uint account) => new(Chain.Connect(account), Deployment);

    public async Task InitializeAsync()
    {
        _chain = await LocalChain.StartAsync();
        _deployment = await _chain.DeployAsync();
    }

    public async Task DisposeAsync()
    {
        if (_chain is not null) await _chain.DisposeAsync();
    }
}

[CollectionDefinition(Name)]
public sealed class OnMarketChain : ICollectionFixture<MarketChain>
{
    public const string Name = "market chain";
}
