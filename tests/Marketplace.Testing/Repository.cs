namespace Marketplace.Testing;

/// <summary>The clone that the tests run in.</summary>
public static class Repository
{
    /// <summary>Its folder.</summary>
    public static string Root { get; } = Find();

    /// <summary>A tool that npm installed, such as <c>node</c> or <c>hardhat</c>.</summary>
    public static string Tool(string name) => Path.Combine(Root, "node_modules", ".bin", name);

    private static string Find()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "hardhat.config.js"))) return folder.FullName;
        }

        throw new InvalidOperationException("The tests do not run inside of a clone of the repository.");
    }
}
