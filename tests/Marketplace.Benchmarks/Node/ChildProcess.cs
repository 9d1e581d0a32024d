using System.Diagnostics;
using System.Globalization;

namespace Marketplace.Benchmarks.Node;

/// <summary>This program again, as a process of its own that serves until it is killed. It says one line when it is ready.</summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);

    private readonly Process _process;

    private ChildProcess(Process process, string line, TimeSpan startTime)
    {
        _process = process;
        Line = line;
        StartTime = startTime;
    }

    /// <summary>What it said.</summary>
    public string Line { get; }

    /// <summary>From the call to that line.</summary>
    public TimeSpan StartTime { get; }

    /// <summary>Processor seconds so far.</summary>
    public double ProcessorSeconds => Measured.SecondsOf([_process.Id]);

    /// <summary>Memory that it holds now.</summary>
    public double ResidentMiB
    {
        get
        {
            string line = File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{_process.Id}/status")).First(text => text.StartsWith("VmRSS:", StringComparison.Ordinal));
            return long.Parse(line.AsSpan("VmRSS:".Length).TrimEnd("kB "), NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture) / 1024.0;
        }
    }

    public static async Task<ChildProcess> StartAsync(params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false };
        start.ArgumentList.Add(typeof(ChildProcess).Assembly.Location);
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        long began = Stopwatch.GetTimestamp();
        Process process = Process.Start(start) ?? throw new InvalidOperationException("A child did not start.");
        try
        {
            string? line = await process.StandardOutput.ReadLineAsync().WaitAsync(s_patience);
            TimeSpan took = Stopwatch.GetElapsedTime(began);
            return line is null ? throw new InvalidOperationException($"The child {start.ArgumentList[1]} ended before it was ready.") : new ChildProcess(process, line, took);
        }
        catch
        {
            process.Kill();
            process.Dispose();
            throw;
        }
    }

    /// <summary>The child's side: ends with the parent, which holds the other end of its standard input.</summary>
    public static async Task WaitForParentAsync() => await Console.In.ReadToEndAsync();

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
