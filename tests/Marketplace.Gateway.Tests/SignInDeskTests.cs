using Marketplace.Chain.Accounts;
using Marketplace.Domain;
using Marketplace.Gateway.SignIn;
using Microsoft.Extensions.Time.Testing;

namespace Marketplace.Gateway.Tests;

public sealed class SignInDeskTests : IDisposable
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 31, 0, 0, 0, TimeSpan.Zero));
    private readonly SignInRules _rules = new(new Uri("http://127.0.0.1:8080"), 31337);
    private readonly Account _account = Account.Create();
    private readonly SignInDesk _desk;

    public SignInDeskTests()
    {
        var mint = new TokenMint(Signed.TokenKey(), _rules.Origin, TokenMint.AudienceOf(31337, Address.Zero), _time);
        _desk = new SignInDesk(_rules, new NonceDesk(_time), mint, _time);
    }

    public void Dispose() => _account.Dispose();

    [Fact]
    public void A_message_for_this_gateway_signed_by_its_account_gives_a_token()
    {
        byte[] sealTo = Signed.SealKey();
        var done = Assert.IsType<SignInOutcome.SignedIn>(SignIn(Fresh(sealTo)));
        Assert.Equal(_account.Address, done.Client.Address);
        Assert.Equal(sealTo, done.Client.SealTo);
        Assert.Equal(_time.GetUtcNow() + TokenMint.Life, done.Token.ExpiresAt);
    }

    [Fact]
    public void A_message_without_a_key_to_seal_to_gives_a_token_without_one() =>
        Assert.Null(Assert.IsType<SignInOutcome.SignedIn>(SignIn(Fresh())).Client.SealTo);

    [Fact]
    public void A_nonce_works_once()
    {
        SignInMessage message = Fresh();
        Assert.IsType<SignInOutcome.SignedIn>(SignIn(message));
        AssertRefused(SignInRefusal.WrongNonce, message);
        AssertRefused(SignInRefusal.WrongNonce, message with { Statement = "Another text with the same nonce." });
    }

    [Fact]
    public void A_nonce_that_was_not_given_here_is_refused()
    {
        AssertRefused(SignInRefusal.WrongNonce, Fresh() with { Nonce = "0123456789abcdef" });
        AssertRefused(SignInRefusal.WrongNonce, Fresh() with { Nonce = new NonceDesk(_time).Give().Text });
        SignInMessage upper = Fresh();
        AssertRefused(SignInRefusal.WrongNonce, upper with { Nonce = upper.Nonce.ToUpperInvariant() });
    }

    [Fact]
    public void A_nonce_grows_old()
    {
        SignInMessage message = Fresh() with { ExpirationTime = null };
        _time.Advance(NonceDesk.Life - TimeSpan.FromSeconds(1));
        Assert.IsType<SignInOutcome.SignedIn>(SignIn(message));
        message = Fresh() with { ExpirationTime = null };
        _time.Advance(NonceDesk.Life);
        AssertRefused(SignInRefusal.Expired, message);
    }

    [Theory]
    [InlineData("127.0.0.1:8081")]
    [InlineData("127.0.0.1")]
    [InlineData("evil.example")]
    [InlineData("user@127.0.0.1:8080")]
    public void A_message_for_another_site_is_refused(string domain) => AssertRefused(SignInRefusal.WrongDomain, Fresh() with { Domain = domain });

    [Fact]
    public void A_message_for_another_scheme_is_refused() => AssertRefused(SignInRefusal.WrongDomain, Fresh() with { Scheme = "https" });

    [Theory]
    [InlineData("https://127.0.0.1:8080")]
    [InlineData("http://127.0.0.1:808")]
    [InlineData("http://127.0.0.1:80/8080")]
    [InlineData("http://127.0.0.1:8080@evil.example/")]
    public void A_message_for_another_address_is_refused(string uri) => AssertRefused(SignInRefusal.WrongUri, Fresh() with { Uri = uri });

    [Fact]
    public void An_address_below_the_site_is_fine() =>
        Assert.IsType<SignInOutcome.SignedIn>(SignIn(Fresh() with { Uri = "http://127.0.0.1:8080/v1/auth/login", Scheme = "http" }));

    [Fact]
    public void A_message_for_another_chain_is_refused() => AssertRefused(SignInRefusal.WrongChain, Fresh() with { ChainId = 1 });

    [Fact]
    public void A_message_from_the_future_or_the_past_is_refused()
    {
        DateTimeOffset now = _time.GetUtcNow();
        AssertRefused(SignInRefusal.NotYetValid, Fresh() with { IssuedAt = new SignInTime(now + SignInRules.ClockSkewMax + TimeSpan.FromSeconds(1)) });
        AssertRefused(SignInRefusal.NotYetValid, Fresh() with { NotBefore = new SignInTime(now + TimeSpan.FromSeconds(1)) });
        AssertRefused(SignInRefusal.Expired, Fresh() with { IssuedAt = new SignInTime(now - SignInRules.AgeMax) });
        AssertRefused(SignInRefusal.Expired, Fresh() with { ExpirationTime = new SignInTime(now) });
    }

    [Fact]
    public void Another_accounts_signature_is_refused_and_spends_no_nonce()
    {
        SignInMessage message = Fresh();
        using var thief = Account.Create();
        Assert.Equal(
            new SignInOutcome.Refused(SignInRefusal.WrongSignature), _desk.SignIn(message.ToString(), thief.SignMessage(message.ToString()).ToString()));
        Assert.Equal(new SignInOutcome.Refused(SignInRefusal.WrongSignature), _desk.SignIn(message.ToString(), "0x00"));
        Assert.Equal(new SignInOutcome.Refused(SignInRefusal.WrongSignature), _desk.SignIn(message.ToString(), null));
        Assert.IsType<SignInOutcome.SignedIn>(SignIn(message));
    }

    [Fact]
    public void A_changed_message_no_longer_fits_its_signature()
    {
        SignInMessage message = Fresh(Signed.SealKey());
        string signature = _account.SignMessage(message.ToString()).ToString();
        string otherKey = (message with { Resources = [SignInMessage.SealToPrefix + SealKeys.ToText(Signed.SealKey())] }).ToString();
        Assert.Equal(new SignInOutcome.Refused(SignInRefusal.WrongSignature), _desk.SignIn(otherKey, signature));
    }

    [Theory]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")] // zero: every secret with it is the same
    [InlineData("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")] // one: of order two
    [InlineData("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    [InlineData("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB")] // bits behind the last byte
    [InlineData("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-~")] // no base64url at all
    [InlineData("c2hvcnQ")]
    [InlineData("")]
    public void A_key_to_seal_to_that_is_none_is_refused(string text) =>
        AssertRefused(SignInRefusal.Malformed, Fresh() with { Resources = [SignInMessage.SealToPrefix + text] });

    [Fact]
    public void Two_keys_to_seal_to_are_refused()
    {
        string one = SignInMessage.SealToPrefix + SealKeys.ToText(Signed.SealKey());
        AssertRefused(SignInRefusal.Malformed, Fresh() with { Resources = [one, one] });
    }

    [Fact]
    public void Resources_of_others_are_passed_over() =>
        Assert.IsType<SignInOutcome.SignedIn>(SignIn(Fresh() with { Resources = ["https://example.com/terms"] }));

    [Fact]
    public void Only_so_many_spent_nonces_are_remembered_and_they_are_forgotten_in_time()
    {
        var desk = new NonceDesk(_time);
        for (int i = 0; i < NonceDesk.SpentMax; i++) Assert.Equal(NonceVerdict.Spent, desk.Spend(desk.Give().Text));
        Assert.Equal(NonceVerdict.Full, desk.Spend(desk.Give().Text));
        _time.Advance(NonceDesk.Life);
        Assert.Equal(NonceVerdict.Spent, desk.Spend(desk.Give().Text));
    }

    private SignInMessage Fresh(byte[]? sealTo = null) => Signed.Message(_account, _rules, _desk.GiveNonce(), sealTo);

    private SignInOutcome SignIn(SignInMessage message)
    {
        string text = message.ToString();
        return _desk.SignIn(text, _account.SignMessage(text).ToString());
    }

    private void AssertRefused(SignInRefusal reason, SignInMessage message) => Assert.Equal(new SignInOutcome.Refused(reason), SignIn(message));
}
