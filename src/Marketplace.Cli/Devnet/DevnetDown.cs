namespace Marketplace.Cli.Devnet;

/// <summary>Stops a devnet, all of it.</summary>
internal static class DevnetDown
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    /// <summary>Stops every process that was started for the devnet and takes its description away; its data and logs stay.</summary>
    /// <returns>How many processes were stopped.</returns>
    public static async Task<int> StopAllAsync(DevnetFolder folder)
    {
        IEnumerable<LocalProcess> processes = folder.NotedProcesses();
        if (folder.HasDescription) processes = processes.Concat(DevnetRoles.ProcessesOf(folder.Read()).Select(role => role.Process));
        LocalProcess[] alive = [.. processes.Distinct().Where(process => process.IsAlive)];

        // The chain is noted first and goes last: the others may have something to say to it while they end.
        LocalProcess[] roles = [.. alive.Skip(1)];
        await Task.WhenAll(roles.Select(process => process.StopAsync(s_patience)));
        await Task.WhenAll(alive.Select(process => process.StopAsync(s_patience)));
        folder.DeleteDescription();
        return alive.Length;
    }

    /// <summary>Whether any process of the devnet runs.</summary>
    public static bool IsAnythingAlive(DevnetFolder folder) => folder.NotedProcesses().Any(process => process.IsAlive);
}
