using System.Globalization;
using System.Runtime.InteropServices;

namespace Marketplace.Hosting;

/// <summary>How Linux gives the threads of this process their turns on a processor.</summary>
public static partial class BatchScheduling
{
    // From sched.h.
    private const int OrdinaryPolicy = 0;
    private const int BatchPolicy = 3;

    private const string Threads = "/proc/self/task";

    /// <summary>
    /// Asks for SCHED_BATCH for the whole process: a thread that is woken waits for its turn instead of taking another's, so that more has
    /// come when it runs; its share of the processor stays what it was. Call it first, on the main thread: the runtime gives a new thread the
    /// policy that its maker is known to have, so later threads follow only those that this call made known, the caller and whom it makes.
    /// Where the system refuses, is not Linux, or was told of another policy by who started the process, all stays as it is. Programs that
    /// the process starts inherit it; roles start none.
    /// </summary>
    public static void Ask()
    {
        if (!OperatingSystem.IsLinux() || PolicyOf(0) != OrdinaryPolicy || SetOwnPolicy(Self(), BatchPolicy, default) != 0 || !Directory.Exists(Threads)) return;
        // The runtime's own threads, which are there before the first line of a program.
        foreach (string path in Directory.EnumerateDirectories(Threads))
        {
            int thread = int.Parse(Path.GetFileName(path), CultureInfo.InvariantCulture);
            if (PolicyOf(thread) == OrdinaryPolicy) _ = SetPolicy(thread, BatchPolicy, default);
        }
    }

    [LibraryImport("libc", EntryPoint = "pthread_self")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint Self();

    // The C library remembers what it is told here; the runtime asks it, and not the system, when it makes a thread.
    [LibraryImport("libc", EntryPoint = "pthread_setschedparam")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetOwnPolicy(nint self, int policy, in SchedulingParameters parameters);

    [LibraryImport("libc", EntryPoint = "sched_getscheduler")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int PolicyOf(int thread);

    [LibraryImport("libc", EntryPoint = "sched_setscheduler")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetPolicy(int thread, int policy, in SchedulingParameters parameters);

    private readonly record struct SchedulingParameters(int Priority);
}
