namespace Marketplace.Testing;

/// <summary>No test waits for ever: what takes longer than these limits fails and says what it was.</summary>
public static class Patience
{
    /// <summary>For a process or a host to be there, on a machine that does many other things.</summary>
    public static readonly TimeSpan Start = TimeSpan.FromSeconds(150);

    /// <summary>For a process or a host to be gone.</summary>
    public static readonly TimeSpan Stop = TimeSpan.FromSeconds(60);

    /// <summary>For a small program to do its work, and for an answer from one.</summary>
    public static readonly TimeSpan Tool = TimeSpan.FromSeconds(60);

    /// <summary>For one test that stores and reads, in milliseconds, as xunit takes it.</summary>
    public const int TestMilliseconds = 180_000;

    /// <summary>Waits for a task, but not longer than a limit.</summary>
    /// <exception cref="TimeoutException">Names what took too long.</exception>
    public static async Task Within(this Task task, TimeSpan limit, string what)
    {
        try
        {
            await task.WaitAsync(limit);
        }
        catch (TimeoutException e) when (!task.IsCompleted)
        {
            throw new TimeoutException($"{what} took longer than {limit.TotalSeconds:0} s.", e);
        }
    }

    /// <inheritdoc cref="Within(Task, TimeSpan, string)"/>
    public static async Task<T> Within<T>(this Task<T> task, TimeSpan limit, string what)
    {
        await ((Task)task).Within(limit, what);
        return await task;
    }

    /// <summary>Waits until a host listens; a host that ends before it does fails with its own reason.</summary>
    /// <param name="listening">Comes when the host listens.</param>
    /// <param name="run">The host's whole life.</param>
    /// <param name="what">The host, for the message.</param>
    public static async Task<T> FirstAsync<T>(Task<T> listening, Task run, string what)
    {
        if (await Task.WhenAny(listening, run).Within(Start, $"The start of {what}") != run) return await listening;
        await run;
        throw new InvalidOperationException($"{what} ended before it listened.");
    }
}
