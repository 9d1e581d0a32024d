using System.Globalization;
using Marketplace.Commands.Homes;
using Marketplace.Domain;

namespace Marketplace.Cli.Devnet;

/// <summary>Starts one process of a devnet again: same data, same address.</summary>
internal static class DevnetStart
{
    /// <summary>Starts <paramref name="who"/> and returns once it answers. The caller holds the folder's lock.</summary>
    /// <param name="folder">The devnet.</param>
    /// <param name="who"><c>node:3</c>, <c>keeper:1</c> or <c>gateway</c>.</param>
    /// <param name="cancellation">Ends the wait; the process stays.</param>
    /// <returns>The new description.</returns>
    /// <exception cref="MarketException">There is none of that name, or it runs.</exception>
    public static async Task<DevnetFile> RunAsync(DevnetFolder folder, string who, CancellationToken cancellation)
    {
        DevnetFile file = folder.Read();
        DevnetRole role = DevnetRoles.ProcessesOf(file).FirstOrDefault(known => known.Who == who)
            ?? throw new MarketException(
                who is "chain" || who.Contains(':', StringComparison.Ordinal) ? MarketErrorCode.NotFound : MarketErrorCode.Usage,
                $"There is no '{who}' in this devnet", $"there is {string.Join(", ", DevnetRoles.ProcessesOf(file).Select(known => known.Who).Where(name => name != DevnetRoles.ChainName))}");
        if (role.Who == DevnetRoles.ChainName)
            throw new MarketException(MarketErrorCode.Usage, "The chain of a devnet forgets everything when it ends", "begin afresh: ./scripts/devnet.sh up");
        if (role.Process.IsAlive)
            throw new MarketException(MarketErrorCode.Failed, string.Create(CultureInfo.InvariantCulture, $"{who} runs already, as process {role.Process.Pid}"), "nothing was changed");

        LocalProcess process = RoleProcess.Start(folder, who, file.RpcUrl, DevnetRoles.ArgumentsOf(file, who));
        folder.Note(process);
        DevnetFile updated = DevnetRoles.WithProcess(file, who, process);
        folder.Write(updated);
        await DevnetRoles.WaitAsync(folder, updated, who, cancellation);
        return updated;
    }
}
