using CsCheck;
using Marketplace.Domain;
using Marketplace.Gateway.SignIn;

namespace Marketplace.Gateway.Tests;

public sealed class SignInMessageTests
{
    private const string Account = "0x742d35Cc6634C0532925a3b844Bc454e4438f44e";

    private const string Full =
        "https://example.com:8443 wants you to sign in with your Ethereum account:\n" + Account + "\n\n" +
        "Store and read files.\n\n" +
        "URI: https://example.com:8443/v1/auth/login\nVersion: 1\nChain ID: 31337\nNonce: 32891756abcd\n" +
        "Issued At: 2026-01-31T00:00:00.123Z\nExpiration Time: 2026-01-31T00:05:00+01:00\nNot Before: 2026-01-30T23:59:00Z\n" +
        "Request ID: some-id:1@x\nResources:\n- ipfs://bafybeiemxf5abjwjbikoz4mc3a3dla6ual3jsgpdr4cjr3oz3evfyavhwq/\n- urn:market:seal-to:AAAA";

    private const string Shortest =
        "example.com wants you to sign in with your Ethereum account:\n" + Account + "\n\n\n" +
        "URI: https://example.com\nVersion: 1\nChain ID: 1\nNonce: 12345678\nIssued At: 2026-01-31T00:00:00Z";

    [Fact]
    public void Every_field_is_read()
    {
        Assert.True(SignInMessage.TryParse(Full, out SignInMessage? message));
        Assert.Equal("https", message.Scheme);
        Assert.Equal("example.com:8443", message.Domain);
        Assert.Equal(Address.Parse(Account), message.Address);
        Assert.Equal("Store and read files.", message.Statement);
        Assert.Equal("https://example.com:8443/v1/auth/login", message.Uri);
        Assert.Equal(31337UL, message.ChainId);
        Assert.Equal("32891756abcd", message.Nonce);
        Assert.Equal(new DateTimeOffset(2026, 1, 31, 0, 0, 0, 123, TimeSpan.Zero), message.IssuedAt.Value);
        Assert.Equal(new DateTimeOffset(2026, 1, 30, 23, 5, 0, TimeSpan.Zero), message.ExpirationTime?.Value);
        Assert.Equal(new DateTimeOffset(2026, 1, 30, 23, 59, 0, TimeSpan.Zero), message.NotBefore?.Value);
        Assert.Equal("some-id:1@x", message.RequestId);
        Assert.Equal(2, message.Resources?.Count);
    }

    [Theory]
    [InlineData(Full)]
    [InlineData(Shortest)]
    public void What_was_read_is_written_as_the_same_text(string text)
    {
        Assert.True(SignInMessage.TryParse(text, out SignInMessage? message));
        Assert.Equal(text, message.ToString());
    }

    [Fact]
    public void Optional_parts_may_be_left_out()
    {
        Assert.True(SignInMessage.TryParse(Shortest, out SignInMessage? message));
        Assert.Null(message.Scheme);
        Assert.Null(message.Statement);
        Assert.Null(message.ExpirationTime);
        Assert.Null(message.NotBefore);
        Assert.Null(message.RequestId);
        Assert.Null(message.Resources);
    }

    [Theory]
    [InlineData("example.com wants", "exa mple.com wants")]
    [InlineData("example.com wants", " wants")]
    [InlineData("example.com wants", "example.com:99999 wants")]
    [InlineData("example.com wants", "example.com/path wants")]
    [InlineData("example.com wants", "1http://example.com wants")]
    [InlineData("example.com wants", "[::1 wants")]
    [InlineData("wants you to sign in", "Wants you to sign in")]
    [InlineData("account:\n", "account:\r\n")]
    [InlineData("account:\n", "account: \n")]
    [InlineData("742d35Cc", "742D35Cc")]
    [InlineData("0x742d35Cc6634C0532925a3b844Bc454e4438f44e", "0x742d35cc6634c0532925a3b844bc454e4438f44e")]
    [InlineData("0x742d35Cc6634C0532925a3b844Bc454e4438f44e", "0x742d35Cc6634C0532925a3b844Bc454e4438f4")]
    [InlineData("\n\n\nURI", "\n\nURI")]
    [InlineData("\n\n\nURI", "\n\n\n\nURI")]
    [InlineData("\n\n\nURI", "\n\nA line\nURI")]
    [InlineData("\n\n\nURI", "\n\nümlaut\n\nURI")]
    [InlineData("\n\n\nURI", "\n\na \"quote\"\n\nURI")]
    [InlineData("URI: https://example.com", "URI: example.com")]
    [InlineData("URI: https://example.com", "URI: https://exa mple.com")]
    [InlineData("URI: https://example.com", "URI: https://example.com/%zz")]
    [InlineData("URI: https://example.com", "URI: https://")]
    [InlineData("URI: https", "uri: https")]
    [InlineData("Version: 1", "Version: 2")]
    [InlineData("Version: 1", "Version: 01")]
    [InlineData("Chain ID: 1", "Chain ID: ")]
    [InlineData("Chain ID: 1", "Chain ID: -1")]
    [InlineData("Chain ID: 1", "Chain ID: 01")]
    [InlineData("Chain ID: 1", "Chain ID: 0x1")]
    [InlineData("Chain ID: 1", "Chain ID: 99999999999999999999")]
    [InlineData("Nonce: 12345678", "Nonce: 1234567")]
    [InlineData("Nonce: 12345678", "Nonce: 1234-5678")]
    [InlineData("Issued At: 2026-01-31T00:00:00Z", "Issued At: 2026-01-31 00:00:00Z")]
    [InlineData("Issued At: 2026-01-31T00:00:00Z", "Issued At: 2026-02-31T00:00:00Z")]
    [InlineData("Issued At: 2026-01-31T00:00:00Z", "Issued At: 2026-01-31T00:00:00")]
    [InlineData("Issued At: 2026-01-31T00:00:00Z", "Issued At: 2026-01-31T25:00:00Z")]
    [InlineData("Issued At: 2026-01-31T00:00:00Z", "Issued At: 2026-01-31T00:00:00Z\n")]
    [InlineData("Issued At: 2026-01-31T00:00:00Z", "Issued At: 2026-01-31T00:00:00Z\nNot Before: x")]
    [InlineData("Issued At: 2026-01-31T00:00:00Z", "Issued At: 2026-01-31T00:00:00Z\nNot Before: 2026-01-31T00:00:00Z\nExpiration Time: 2026-01-31T00:00:00Z")]
    [InlineData("Issued At: 2026-01-31T00:00:00Z", "Issued At: 2026-01-31T00:00:00Z\nRequest ID: a b")]
    [InlineData("Issued At: 2026-01-31T00:00:00Z", "Issued At: 2026-01-31T00:00:00Z\nResources:\n- not a uri")]
    [InlineData("Issued At: 2026-01-31T00:00:00Z", "Issued At: 2026-01-31T00:00:00Z\nResources:\nhttps://example.com")]
    [InlineData("Issued At: 2026-01-31T00:00:00Z", "Issued At: 2026-01-31T00:00:00Z\nSomething: else")]
    public void A_text_that_the_grammar_does_not_allow_is_refused(string right, string wrong)
    {
        Assert.Contains(right, Shortest, StringComparison.Ordinal);
        Assert.False(SignInMessage.TryParse(Shortest.Replace(right, wrong, StringComparison.Ordinal), out _));
    }

    [Fact]
    public void Nothing_and_too_much_are_refused()
    {
        Assert.False(SignInMessage.TryParse(null, out _));
        Assert.False(SignInMessage.TryParse("", out _));
        Assert.False(SignInMessage.TryParse(Shortest + "\nResources:" + string.Concat(Enumerable.Repeat("\n- urn:a:b", SignInMessage.ResourcesMax + 1)), out _));
        Assert.False(SignInMessage.TryParse(Shortest + "\nRequest ID: " + new string('a', SignInMessage.CharsMax), out _));
    }

    [Theory]
    [InlineData("[::1]:8080")]
    [InlineData("127.0.0.1:8080")]
    [InlineData("localhost")]
    [InlineData("user:word@example.com")]
    public void Hosts_of_every_kind_may_ask(string domain) =>
        Assert.True(SignInMessage.TryParse(Shortest.Replace("example.com wants", domain + " wants", StringComparison.Ordinal), out _));

    [Fact]
    public void A_changed_character_is_refused_or_read_back_as_it_stands() => Gen.Select(Gen.Int[0, Full.Length - 1], Gen.Char).Sample((at, c) =>
    {
        string changed = Full[..at] + c + Full[(at + 1)..];
        return !SignInMessage.TryParse(changed, out SignInMessage? message) || message.ToString() == changed;
    });
}
