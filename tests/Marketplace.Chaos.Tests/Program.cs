using System.ComponentModel;
using System.Diagnostics;

namespace Marketplace.Chaos.Tests;

/// <summary>This assembly as a program: <c>scripts/chaos.sh</c>.</summary>
internal static class Program
{
    private const string Inside = "--inside";

    // With root's rights, or with those that a user may give itself.
    private static readonly string[][] s_spaces = [["--mount"], ["--user", "--map-root-user", "--mount"]];

    public static async Task<int> Main(string[] args)
    {
        if (args is ["--help" or "-h"])
        {
            await Console.Out.WriteLineAsync(ChaosOptions.Usage);
            return 0;
        }

        bool isInside = args is [Inside, ..];
        if (!ChaosOptions.TryParse(isInside ? args.AsSpan(1) : args, out ChaosOptions? options))
        {
            await Console.Error.WriteLineAsync(ChaosOptions.Usage);
            return 2;
        }

        if (!isInside && Array.Find(s_spaces, space => Run("unshare", [.. space, "true"]) == 0) is { } own)
        {
            return Run("unshare", [.. own, .. Own, Inside, .. args]) ?? 1;
        }

        ChaosSums sums = await ChaosRun.RunAsync(options, mayMount: isInside, Console.Error.WriteLine);
        foreach (string broken in sums.Broken) await Console.Error.WriteLineAsync("BROKEN: " + broken);
        await Console.Out.WriteLineAsync(sums.ToString());
        return sums.Broken.Count == 0 ? 0 : 1;
    }

    /// <summary>This program and this assembly.</summary>
    public static string[] Own => [Environment.ProcessPath!, typeof(Program).Assembly.Location];

    /// <summary>Exit code of a program that says what it has to say where this one does; null if there is none of that name.</summary>
    private static int? Run(string program, string[] arguments)
    {
        try
        {
            using Process process = Process.Start(program, arguments);
            process.WaitForExit();
            return process.ExitCode;
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
