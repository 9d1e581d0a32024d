using System.Runtime.InteropServices;
using Marketplace.Commands.Shell;
using Marketplace.Domain;

namespace Marketplace.Cli.Native;

/// <summary>market.dll beside this program: all verbs, with the runtime.</summary>
internal static partial class WholeProgram
{
    private const string Runtime = "dotnet";
    private const string Library = "market.dll";

    /// <summary>Becomes it (execvp of POSIX): same process, same terminal, same signals. Returns only if it cannot, with the exit code.</summary>
    public static int Become(string[] words)
    {
        string library = Path.Combine(AppContext.BaseDirectory, Library);
        if (File.Exists(library)) _ = Execute(Runtime, [Runtime, library, .. words, null]);
        return new Output(GlobalOptions.WantsJson(words)).Fail(new MarketException(
            MarketErrorCode.Failed, $"'{Runtime} {library}' does not start", "install the .NET 10 runtime of ASP.NET"));
    }

    [LibraryImport("libc", EntryPoint = "execvp", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Execute(string file, string?[] arguments);
}
