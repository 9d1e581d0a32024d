namespace Marketplace.Commands.Homes;

/// <summary>The folder of the source tree that this program was built in, if it still runs from there.</summary>
internal static class RepositoryFolder
{
    /// <summary>The folder that holds <c>Marketplace.sln</c>, null for an installed program.</summary>
    public static string? Path { get; } = Find(AppContext.BaseDirectory);

    private static string? Find(string start)
    {
        for (DirectoryInfo? folder = new(start); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "Marketplace.sln"))) return folder.FullName;
        }

        return null;
    }
}
