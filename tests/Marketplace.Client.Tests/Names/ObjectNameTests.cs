using CsCheck;
using Marketplace.Client.Names;

namespace Marketplace.Client.Tests.Names;

public sealed class ObjectNameTests
{
    [Theory]
    [InlineData("photos")]
    [InlineData("photos/a b/日本語.txt")]
    [InlineData("a\\b")]
    [InlineData("line\nbreak")]
    [InlineData("...")]
    [InlineData("-dash")]
    public void Anything_a_file_may_be_called_is_a_name(string name) => Assert.True(ObjectName.IsValid(name));

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("/etc/passwd")]
    [InlineData("a//b")]
    [InlineData("a/../b")]
    [InlineData("..")]
    [InlineData("./a")]
    [InlineData("a/")]
    [InlineData("a\0b")]
    public void A_name_that_could_lead_elsewhere_is_none(string name) => Assert.False(ObjectName.IsValid(name));

    [Fact]
    public void Half_a_character_is_no_name() => Assert.False(ObjectName.IsValid("half \ud800 a character"));

    [Fact]
    public void Slashes_at_the_end_of_what_a_person_wrote_are_dropped()
    {
        Assert.True(ObjectName.TryParse("photos//", out string? name, out _));
        Assert.Equal("photos", name);
    }

    [Fact]
    public void A_valid_name_below_a_folder_stays_below_it() => Gen.String[1, 20].Array[1, 5].Sample(parts =>
    {
        string name = string.Join('/', parts);
        string root = Path.GetTempPath();
        return !ObjectName.IsValid(name) || Path.GetFullPath(Path.Combine(root, name)).StartsWith(root, StringComparison.Ordinal);
    });

    [Fact]
    public void A_folder_holds_itself_and_what_is_below_but_not_its_namesakes()
    {
        Assert.True(ObjectName.IsWithin("a/b", "a"));
        Assert.True(ObjectName.IsWithin("a", "a"));
        Assert.False(ObjectName.IsWithin("ab", "a"));
        Assert.Equal(["a/b", "a"], ObjectName.Ancestors("a/b/c"));
    }

    [Fact]
    public void A_terminal_never_gets_a_control_character() => Gen.String.Sample(name => !ObjectName.ForTerminal(name).Any(char.IsControl));
}
