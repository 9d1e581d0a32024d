using System.Text.Json;
using Marketplace.Chain.Accounts;
using Marketplace.Commands.Wallet;
using Marketplace.Coding;

namespace Marketplace.Cli.Tests.Wallet;

public sealed class WalletTests : IDisposable
{
    // The first account of these words is known to everybody who develops for Ethereum.
    private const string KnownWords = "test test test test test test test test test test test junk";
    private const string KnownAddress = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
    private const string KnownKey = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

    private readonly ScratchFolder _scratch = new();

    private Dictionary<string, string> Home => new() { ["MARKET_HOME"] = _scratch.Path, ["MARKET_PASSPHRASE"] = "correct horse" };

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task The_words_of_a_new_wallet_give_the_same_account_again()
    {
        JsonElement created = (await Market.RunAsync(Home, null, "wallet", "create", "--json")).Expect(0).Json;
        string words = created.GetProperty("mnemonic").GetString()!;
        Assert.Equal(12, words.Split(' ').Length);

        string other = _scratch.File("other wallet.json");
        JsonElement imported = (await Market.RunAsync(Home, words + "\n", "wallet", "import", "--wallet", other, "--json")).Expect(0).Json;
        Assert.Equal(created.GetProperty("address").GetString(), imported.GetProperty("address").GetString());

        using MasterKey first = WalletFile.Read(_scratch.File("wallet.json")).OpenMaster("correct horse");
        using MasterKey second = WalletFile.Read(other).OpenMaster("correct horse");
        Assert.Equal(BytesOf(first), BytesOf(second));
    }

    [Fact]
    public async Task Only_its_owner_may_read_a_wallet_and_nothing_overwrites_it()
    {
        string path = _scratch.File("wallet.json");
        (await Market.RunAsync(Home, KnownWords, "wallet", "import")).Expect(0);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        byte[] before = await File.ReadAllBytesAsync(path);
        (await Market.RunAsync(Home, null, "wallet", "create")).Expect(1);
        (await Market.RunAsync(Home, KnownKey, "wallet", "import")).Expect(1);
        Assert.Equal(before, await File.ReadAllBytesAsync(path));

        Finished show = (await Market.RunAsync(Home, null, "wallet", "show", "--json")).Expect(0);
        Assert.Equal(KnownAddress, show.Json.GetProperty("address").GetString());
        Assert.DoesNotContain("junk", await File.ReadAllTextAsync(path), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_private_key_alone_gives_its_account_and_always_the_same_master_key()
    {
        (await Market.RunAsync(Home, KnownKey[2..] + "\n", "wallet", "import")).Expect(0);
        WalletFile file = WalletFile.Read(_scratch.File("wallet.json"));
        Assert.Equal(KnownAddress, file.Address.ToString());
        using MasterKey stored = file.OpenMaster("correct horse");
        using WalletSecrets again = WalletSecrets.Parse(KnownKey);
        using WalletSecrets words = WalletSecrets.Parse(KnownWords);
        Assert.Equal(BytesOf(again.Master), BytesOf(stored));
        Assert.Equal(words.Account.Address, again.Account.Address);
        Assert.NotEqual(BytesOf(words.Master), BytesOf(stored));
    }

    [Theory]
    [InlineData("")]
    [InlineData("test test test")]
    [InlineData("test test test test test test test test test test test test")]
    [InlineData("0x1234")]
    [InlineData("0x0000000000000000000000000000000000000000000000000000000000000000")]
    public async Task What_is_neither_words_nor_a_key_is_refused_and_not_repeated(string input)
    {
        Finished refused = (await Market.RunAsync(Home, input, "wallet", "import")).Expect(2);
        if (input.Length > 0) Assert.DoesNotContain(input, refused.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(_scratch.File("wallet.json")));
    }

    [Fact]
    public async Task Without_a_passphrase_and_a_terminal_nothing_is_written()
    {
        Dictionary<string, string> home = new() { ["MARKET_HOME"] = _scratch.Path };
        (await Market.RunAsync(home, null, "wallet", "create")).Expect(2);
        home["MARKET_PASSPHRASE_FILE"] = _scratch.File("absent");
        (await Market.RunAsync(home, null, "wallet", "create")).Expect(2);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_scratch.Path));
    }

    [Fact]
    public async Task The_passphrase_file_beats_the_environment_and_the_wrong_one_opens_nothing()
    {
        await File.WriteAllTextAsync(_scratch.File("passphrase"), "from the file\n");
        Dictionary<string, string> home = Home;
        home["MARKET_PASSPHRASE_FILE"] = _scratch.File("passphrase");
        (await Market.RunAsync(home, KnownWords, "wallet", "import")).Expect(0);
        WalletFile file = WalletFile.Read(_scratch.File("wallet.json"));
        using Account account = file.OpenAccount("from the file");
        Assert.Equal(KnownAddress, account.Address.ToString());
        Assert.Throws<Domain.MarketException>(() => file.OpenAccount("correct horse"));
    }

    private static byte[] BytesOf(MasterKey master)
    {
        byte[] bytes = new byte[MasterKey.SizeBytes];
        master.CopyTo(bytes);
        return bytes;
    }
}
