using Marketplace.Chain.Accounts;
using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Gateway.Tests;

public sealed class GatewaySetupTests : IDisposable
{
    private readonly string _dataDir = Path.Combine(Path.GetTempPath(), $"market-gateway-{Guid.NewGuid():N}");

    public void Dispose()
    {
        if (Directory.Exists(_dataDir)) Directory.Delete(_dataDir, recursive: true);
    }

    [Fact]
    public async Task The_operator_comes_back_with_its_passphrase_and_with_no_other()
    {
        Address address = await GatewaySetup.InitAsync(_dataDir, "right", strength: KeyStoreStrength.Light);
        using Account opened = GatewaySetup.OpenOperator(_dataDir, "right");
        Assert.Equal(address, opened.Address);
        Assert.Equal(MarketErrorCode.Usage, Assert.Throws<MarketException>(() => GatewaySetup.OpenOperator(_dataDir, "wrong")).Code);
        Assert.Equal(MarketErrorCode.NotFound, Assert.Throws<MarketException>(() => GatewaySetup.OpenOperator(_dataDir + "-none", "right")).Code);
    }

    [Fact]
    public async Task An_operator_is_never_overwritten()
    {
        Address address = await GatewaySetup.InitAsync(_dataDir, "right", strength: KeyStoreStrength.Light);
        await Assert.ThrowsAsync<MarketException>(() => GatewaySetup.InitAsync(_dataDir, "right", strength: KeyStoreStrength.Light));
        using Account opened = GatewaySetup.OpenOperator(_dataDir, "right");
        Assert.Equal(address, opened.Address);
    }

    [Fact]
    public async Task Without_a_passphrase_nothing_is_written()
    {
        await Assert.ThrowsAsync<MarketException>(() => GatewaySetup.InitAsync(_dataDir, ""));
        Assert.False(Directory.Exists(_dataDir));
    }

    [Fact]
    public async Task What_is_secret_is_for_the_owner_only()
    {
        if (OperatingSystem.IsWindows()) return;
        await GatewaySetup.InitAsync(_dataDir, "right", strength: KeyStoreStrength.Light);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, new DirectoryInfo(_dataDir).UnixFileMode);
        foreach (FileInfo file in new DirectoryInfo(_dataDir).EnumerateFiles())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, file.UnixFileMode);
    }

    [Fact]
    public void The_operators_private_key_alone_gives_the_key_that_it_reads_with_again()
    {
        using var account = new Account("0x" + new string('1', 64));
        using RecipientKeyPair first = GatewaySetup.ReadKey(account);
        using RecipientKeyPair again = GatewaySetup.ReadKey(account);
        Assert.Equal(first.PublicKey.ToArray(), again.PublicKey.ToArray());
        using var other = new Account("0x" + new string('2', 64));
        using RecipientKeyPair others = GatewaySetup.ReadKey(other);
        Assert.NotEqual(first.PublicKey.ToArray(), others.PublicKey.ToArray());
    }
}
