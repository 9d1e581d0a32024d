namespace Marketplace.Architecture.Tests;

/// <summary>The image is built from what its file copies, and nobody builds it with every test run.</summary>
public sealed class ContainerTests
{
    [Fact]
    public void The_image_gets_every_file_that_decides_how_all_is_built()
    {
        string[] copied =
        [
            .. File.ReadLines(Path.Combine(ReferenceTests.RepositoryFolder(), "packaging", "Containerfile"))
                .Where(line => line.StartsWith("COPY ", StringComparison.Ordinal) && !line.Contains("--from", StringComparison.Ordinal))
                .SelectMany(line => line.Split(' ')[1..^1]),
        ];
        string[] needed = [.. Directory.EnumerateFiles(ReferenceTests.RepositoryFolder()).Select(file => Path.GetFileName(file)).Where(DecidesHowAllIsBuilt)];
        Assert.Contains(".editorconfig", needed);
        Assert.Empty(needed.Except(copied));
    }

    private static bool DecidesHowAllIsBuilt(string file) =>
        file is ".editorconfig" or "global.json" or "package.json" or "package-lock.json" or ".npmrc" or "hardhat.config.js" || file.StartsWith("Directory.", StringComparison.Ordinal) || file.EndsWith(".globalconfig", StringComparison.Ordinal) || file.StartsWith("nuget.", StringComparison.OrdinalIgnoreCase);
}
