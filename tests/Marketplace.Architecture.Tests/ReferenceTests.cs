using System.Xml.Linq;

namespace Marketplace.Architecture.Tests;

/// <summary>References point one way: hosts → libraries → Domain. The table below is the architecture; the build must agree.</summary>
public class ReferenceTests
{
    private static readonly Dictionary<string, string[]> s_allowed = new()
    {
        ["Marketplace.Domain"] = [],
        ["Marketplace.Coding"] = ["Marketplace.Domain"],
        ["Marketplace.Storage"] = ["Marketplace.Domain", "Marketplace.Coding"],
        ["Marketplace.Chain"] = ["Marketplace.Domain", "Marketplace.Chain.Generators"],
        ["Marketplace.Chain.Generators"] = [],
        ["Marketplace.Network"] = ["Marketplace.Domain", "Marketplace.Coding"],
        ["Marketplace.Hosting"] = ["Marketplace.Domain"],
        ["Marketplace.Client"] = ["Marketplace.Domain", "Marketplace.Coding", "Marketplace.Chain", "Marketplace.Network"],
        ["Marketplace.Node"] =
            ["Marketplace.Domain", "Marketplace.Coding", "Marketplace.Storage", "Marketplace.Chain", "Marketplace.Network", "Marketplace.Client", "Marketplace.Hosting"],
        ["Marketplace.Keeper"] = ["Marketplace.Domain", "Marketplace.Chain", "Marketplace.Network", "Marketplace.Client", "Marketplace.Hosting"],
        ["Marketplace.Gateway"] =
            ["Marketplace.Domain", "Marketplace.Coding", "Marketplace.Chain", "Marketplace.Network", "Marketplace.Client", "Marketplace.Hosting"],
        ["Marketplace.Commands"] = ["Marketplace.Domain", "Marketplace.Coding", "Marketplace.Chain", "Marketplace.Network", "Marketplace.Client"],
        ["Marketplace.Cli.Native"] = ["Marketplace.Commands"],
        ["Marketplace.Cli"] =
        [
            "Marketplace.Domain", "Marketplace.Coding", "Marketplace.Chain", "Marketplace.Network", "Marketplace.Client", "Marketplace.Commands", "Marketplace.Hosting",
            "Marketplace.Node", "Marketplace.Keeper", "Marketplace.Gateway",
        ],
    };

    public static TheoryData<string> Projects => [.. ProjectFiles().Select(file => Path.GetFileNameWithoutExtension(file)!)];

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_project_refers_only_to_the_layers_below_it(string project)
    {
        Assert.True(s_allowed.TryGetValue(project, out string[]? allowed), $"{project} has no place in the table of layers.");
        string file = ProjectFiles().Single(path => Path.GetFileNameWithoutExtension(path) == project);
        IEnumerable<string> references = XDocument.Load(file).Descendants("ProjectReference")
            .Select(element => Path.GetFileNameWithoutExtension(element.Attribute("Include")!.Value.Replace('\\', '/')));
        Assert.Empty(references.Except(allowed));
    }

    [Fact]
    public void No_layer_refers_upward_through_another()
    {
        foreach ((string project, string[] references) in s_allowed)
        {
            foreach (string reference in references)
            {
                Assert.DoesNotContain(project, s_allowed[reference]);
            }
        }
    }

    [Fact]
    public void Domain_needs_no_package_and_does_no_io()
    {
        string folder = Path.Combine(RepositoryFolder(), "src", "Marketplace.Domain");
        Assert.Empty(XDocument.Load(Path.Combine(folder, "Marketplace.Domain.csproj")).Descendants("PackageReference"));
        AssertNoInputOutput(folder);
    }

    [Fact]
    public void Coding_does_no_io() => AssertNoInputOutput(Path.Combine(RepositoryFolder(), "src", "Marketplace.Coding"));

    private static void AssertNoInputOutput(string folder)
    {
        string[] forbidden = ["System.Net", "File.", "FileStream", "Directory.", "Console.", "HttpClient", "Process."];
        foreach (string file in SourceFiles(folder))
        {
            string text = File.ReadAllText(file);
            foreach (string word in forbidden)
            {
                Assert.False(text.Contains(word, StringComparison.Ordinal), $"{file} says {word}");
            }
        }
    }

    private static IEnumerable<string> ProjectFiles() =>
        Directory.EnumerateFiles(Path.Combine(RepositoryFolder(), "src"), "*.csproj", SearchOption.AllDirectories)
            .Concat(Directory.EnumerateFiles(Path.Combine(RepositoryFolder(), "frontend-api"), "*.csproj"));

    private static IEnumerable<string> SourceFiles(string folder) =>
        Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal));

    internal static string RepositoryFolder()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Marketplace.sln"))) folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException("Marketplace.sln is above the tests' folder.");
    }
}
