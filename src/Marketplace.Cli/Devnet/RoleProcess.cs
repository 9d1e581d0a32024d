using System.Collections;
using System.Diagnostics;
using Marketplace.Commands.Homes;
using Marketplace.Domain;

namespace Marketplace.Cli.Devnet;

/// <summary>Starts this same program as a node, keeper or gateway of a devnet.</summary>
internal static class RoleProcess
{
    private const string VariablePrefix = "MARKET_";

    /// <summary>Starts <c>market</c> with <paramref name="arguments"/>, told where chain, contracts and passphrase of the devnet are.</summary>
    public static LocalProcess Start(DevnetFolder folder, string who, Uri rpcUrl, IEnumerable<string> arguments)
    {
        Dictionary<string, string?> variables = WithoutMarketVariables();
        variables["MARKET_PASSPHRASE_FILE"] = folder.PassphrasePath;
        variables["MARKET_DEVNET"] = MarketHome.NoDevnet;
        variables["MARKET_HOME"] = folder.In("home");
        string program = Environment.ProcessPath ?? throw new InvalidOperationException("The path of this program is not known.");
        string library = Path.Combine(AppContext.BaseDirectory, "market.dll");
        bool isDotnet = Path.GetFileNameWithoutExtension(program) is "dotnet";
        string[] own = isDotnet ? [library] : [];
        return LocalProcess.StartDetached(
            program, [.. own, .. arguments, "--rpc", rpcUrl.ToString(), "--contracts", folder.ContractsPath], folder.Path, folder.LogOf(who), variables);
    }

    /// <summary>Removes the caller's own settings from a child's environment: the child belongs to a devnet.</summary>
    public static Dictionary<string, string?> WithoutMarketVariables() => Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
        .Select(entry => (string)entry.Key)
        .Where(name => name.StartsWith(VariablePrefix, StringComparison.Ordinal))
        .ToDictionary(name => name, _ => (string?)null);

    /// <summary>Waits until <paramref name="url"/> answers with success.</summary>
    /// <exception cref="MarketException">The process ended, or did not answer in time.</exception>
    public static async Task WaitAsync(string who, LocalProcess process, HttpClient http, Uri url, string logFile, CancellationToken cancellation)
    {
        long started = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                using HttpResponseMessage answer = await http.GetAsync(url, cancellation);
                if (answer.IsSuccessStatusCode) return;
            }
            catch (Exception exception) when (exception is HttpRequestException || (exception is TaskCanceledException && !cancellation.IsCancellationRequested))
            {
                // Not yet: nobody listens, or a busy machine lets a process listen before it can answer.
            }

            if (!process.IsAlive) throw new MarketException(MarketErrorCode.Failed, $"{who} ended while it started: {LastLine(logFile)}", $"see {logFile}");
            if (Stopwatch.GetElapsedTime(started) > s_patience) throw new MarketException(MarketErrorCode.Failed, $"{who} does not answer at {url}", $"see {logFile}");
            await Task.Delay(s_lookAgain, cancellation);
        }
    }

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan s_lookAgain = TimeSpan.FromMilliseconds(100);

    private static string LastLine(string logFile) =>
        (File.Exists(logFile) ? File.ReadLines(logFile).LastOrDefault(line => line.Length > 0) : null) ?? "it wrote nothing";
}
