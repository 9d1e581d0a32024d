using System.Text;
using CsCheck;
using Marketplace.Client.Names;
using Marketplace.Gateway.Objects;

namespace Marketplace.Gateway.Tests;

public sealed class ObjectPathTests
{
    [Theory]
    [InlineData("/v1/objects/a", "a")]
    [InlineData("/v1/objects/a/b.txt?for=30d", "a/b.txt")]
    [InlineData("/v1/objects/a%2Fb", "a/b")]
    [InlineData("/v1/objects/a%252Fb", "a%2Fb")]
    [InlineData("/v1/objects/%D1%84%D0%BE%D1%82%D0%BE", "фото")]
    [InlineData("/v1/objects/a+b", "a+b")]
    [InlineData("/v1/objects/a%20b", "a b")]
    [InlineData("http://127.0.0.1:8080/v1/objects/a", "a")]
    public void A_name_is_what_was_sent(string target, string name)
    {
        Assert.True(ObjectPath.TryRead(target, out string? read, out _));
        Assert.Equal(name, read);
    }

    [Theory]
    [InlineData("/v1/objects/")]
    [InlineData("/v1/objects//a")]
    [InlineData("/v1/objects/a//b")]
    [InlineData("/v1/objects/a/../b")]
    [InlineData("/v1/objects/a/%2e%2e/b")]
    [InlineData("/v1/objects/./a")]
    [InlineData("/v1/objects/a%00b")]
    [InlineData("/v1/objects/%ff")]
    [InlineData("/v1/objects/%c0%ae")]
    [InlineData("/v1/objects/%2")]
    [InlineData("/v1/objects/%zz")]
    [InlineData("/v1/objects/ü")]
    [InlineData("/v2/objects/a")]
    [InlineData("http://127.0.0.1:8080")]
    [InlineData("*")]
    [InlineData("")]
    public void What_is_no_name_does_not_pass(string target)
    {
        Assert.False(ObjectPath.TryRead(target, out _, out string? reason));
        Assert.NotEmpty(reason);
    }

    [Fact]
    public void The_longest_name_passes_and_one_more_byte_does_not()
    {
        string longest = string.Join('/', Enumerable.Repeat(new string('a', 15), ObjectName.NameBytesMax / 16)) + "b";
        Assert.Equal(ObjectName.NameBytesMax, longest.Length);
        Assert.True(ObjectPath.TryRead(ObjectPath.Prefix + longest, out _, out _));
        Assert.False(ObjectPath.TryRead(ObjectPath.Prefix + longest + "b", out _, out _));
    }

    [Fact]
    public void Every_escaped_name_is_read_back() => Gen.String[Gen.Char.Where(c => !char.IsSurrogate(c) && c is not '/' and not '\0'), 1, 40]
        .Where(name => name is not "." and not ".." && Encoding.UTF8.GetByteCount(name) <= 4096)
        .Sample(name => ObjectPath.TryRead(ObjectPath.Prefix + Uri.EscapeDataString(name), out string? read, out _) && read == name);
}
