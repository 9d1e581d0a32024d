using System.Diagnostics;
using System.Globalization;

namespace Marketplace.Benchmarks;

/// <summary>A finished child process: how long it took and the most memory that it held.</summary>
internal sealed record Measured(double Seconds, double PeakMiB)
{
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// Runs a program to its end. The peak is the kernel's own high-water mark (<c>VmHWM</c>), read every 20 ms; a shell
    /// script that ends in <c>exec</c> keeps its process number, so the mark is that of the program behind it.
    /// </summary>
    public static async Task<Measured> RunAsync(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(program) { UseShellExecute = false, RedirectStandardOutput = true };
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        foreach ((string name, string value) in environment) start.Environment[name] = value;
        var clock = Stopwatch.StartNew();
        using Process process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start.");
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        long peakKiB = 0;
        while (!process.HasExited)
        {
            peakKiB = Math.Max(peakKiB, HighWaterMark(process.Id));
            await Task.Delay(s_look);
        }

        await process.WaitForExitAsync();
        return process.ExitCode == 0
            ? new Measured(clock.Elapsed.TotalSeconds, peakKiB / 1024.0)
            : throw new InvalidOperationException($"{program} {string.Join(' ', start.ArgumentList)} ended with {process.ExitCode}: {await output}");
    }

    private static long HighWaterMark(int pid)
    {
        try
        {
            string? line = File.ReadLines($"/proc/{pid}/status").FirstOrDefault(text => text.StartsWith("VmHWM:", StringComparison.Ordinal));
            return line is null ? 0 : long.Parse(line.AsSpan("VmHWM:".Length).TrimEnd("kB "), NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0; // the process ended between two looks
        }
    }
}
