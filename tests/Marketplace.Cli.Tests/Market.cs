using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace Marketplace.Cli.Tests;

/// <summary>What a finished call of <c>market</c> left behind.</summary>
internal sealed record Finished(int ExitCode, string Output, string Error)
{
    /// <summary>The one JSON object on standard output.</summary>
    public JsonElement Json => JsonDocument.Parse(Output).RootElement;

    /// <summary>This, if it ended with <paramref name="exitCode"/>; a failed test with all its words if not.</summary>
    public Finished Expect(int exitCode)
    {
        Assert.True(exitCode == ExitCode, $"exit {ExitCode} instead of {exitCode}\n{Output}\n{Error}");
        Assert.DoesNotContain("   at ", Error, StringComparison.Ordinal);
        return this;
    }
}

/// <summary>Runs the command line that was built with the tests, as a process of its own and with no settings but those given.</summary>
internal static class Market
{
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(3);

    public static Task<Finished> RunAsync(params string[] arguments) => RunAsync([], null, arguments);

    public static async Task<Finished> RunAsync(Dictionary<string, string> environment, string? input, params string[] arguments)
    {
        using Process process = Start(environment, arguments);
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
            process.Kill();
            throw new TimeoutException($"market {string.Join(' ', arguments)} ran longer than {s_longest}.", exception);
        }

        // Ends only when nobody holds the pipes any more: a devnet that stays must not.
        return new Finished(process.ExitCode, await output.WaitAsync(deadline.Token), await error.WaitAsync(deadline.Token));
    }

    public static Process Start(Dictionary<string, string> environment, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet")
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "market.dll"));
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        foreach (string name in start.Environment.Keys.Where(name => name.StartsWith("MARKET_", StringComparison.Ordinal)).ToArray()) start.Environment.Remove(name);
        start.Environment["MARKET_DEVNET"] = "none";
        foreach ((string name, string value) in environment) start.Environment[name] = value;
        return Process.Start(start) ?? throw new InvalidOperationException("market does not start.");
    }
}
