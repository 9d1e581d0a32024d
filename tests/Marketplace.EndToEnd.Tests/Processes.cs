using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Marketplace.EndToEnd.Tests;

/// <summary>What a finished program left behind.</summary>
public sealed record Finished(int ExitCode, string Output, string Error)
{
    /// <summary>The JSON object that the program printed.</summary>
    public JsonElement Json
    {
        get
        {
            try
            {
                return JsonDocument.Parse(Output).RootElement;
            }
            catch (JsonException exception)
            {
                throw new InvalidOperationException($"This is not JSON (exit {ExitCode}): {Output}\n{Error}", exception);
            }
        }
    }

    /// <summary>This, if the program ended with <paramref name="exitCode"/>; a failed test with all its words if not.</summary>
    public Finished Expect(int exitCode)
    {
        Assert.True(exitCode == ExitCode, $"exit {ExitCode} instead of {exitCode}\n{Output}\n{Error}");
        return this;
    }
}

/// <summary>Runs programs to their end.</summary>
internal static class Processes
{
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(8);

    public static string RepositoryFolder { get; } = FindRepository();

    public static string Script(string name) => Path.Combine(RepositoryFolder, "scripts", name);

    public static async Task<Finished> RunAsync(
        string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string?>? environment = null, string? input = null, string? folder = null)
    {
        var start = new ProcessStartInfo(program)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = folder ?? RepositoryFolder,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        foreach ((string name, string? value) in environment ?? new Dictionary<string, string?>()) start.Environment[name] = value;

        using Process process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start.");
        if (input is not null) await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        using var deadline = new CancellationTokenSource(s_longest);
        try
        {
            await process.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException exception)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} {string.Join(' ', start.ArgumentList)} ran longer than {s_longest}.", exception);
        }

        // Ends only when nobody holds the pipes any more: a devnet that stays must not.
        return new Finished(process.ExitCode, await output.WaitAsync(deadline.Token), await error.WaitAsync(deadline.Token));
    }

    /// <summary>SIGKILL, and the wait until the process is gone.</summary>
    public static void Kill(int pid)
    {
        using Process process = Process.GetProcessById(pid);
        process.Kill();
        Assert.True(process.WaitForExit(10_000), string.Create(CultureInfo.InvariantCulture, $"process {pid} outlived SIGKILL"));
    }

    private static string FindRepository()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Marketplace.sln"))) folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException("Marketplace.sln is above the tests' folder.");
    }
}
