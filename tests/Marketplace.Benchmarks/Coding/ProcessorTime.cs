using System.Runtime.InteropServices;

namespace Marketplace.Benchmarks.Coding;

/// <summary>Processor time of the calling thread: what others do on the machine does not count.</summary>
internal static partial class ProcessorTime
{
    private const int ThreadClock = 3;    // CLOCK_THREAD_CPUTIME_ID

    /// <summary>Seconds of processor time that an action takes on this thread.</summary>
    public static double Of(Action action)
    {
        double before = Now();
        action();
        return Now() - before;
    }

    /// <summary>Seconds that this thread has run so far.</summary>
    public static double Now()
    {
        if (ClockGetTime(ThreadClock, out TimeSpec now) != 0) throw new InvalidOperationException("The system has no clock for threads.");
        return now.Seconds + (now.Nanoseconds / 1e9);
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int ClockGetTime(int clock, out TimeSpec time);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
