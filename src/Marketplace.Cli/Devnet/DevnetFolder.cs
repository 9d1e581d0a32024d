using System.Globalization;
using Marketplace.Client.Json;
using Marketplace.Commands.Homes;
using Marketplace.Commands.Shell;
using Marketplace.Domain;

namespace Marketplace.Cli.Devnet;

/// <summary>The folder of one devnet: what lies where, and who may change it.</summary>
internal sealed class DevnetFolder(string path)
{
    // Marks the folder as one that `up` may empty, and is the lock.
    private const string MarkerName = ".market-devnet";
    private const string ProcessesName = "processes";
    private const string DeploymentsName = "deployments";

    /// <summary>Absolute path.</summary>
    public string Path { get; } = System.IO.Path.GetFullPath(path);

    /// <summary>The description; it exists exactly while the devnet is meant to run.</summary>
    public string DescriptionPath => In(DevnetFile.FileName);

    /// <summary>The contracts' addresses, for the processes of the devnet.</summary>
    public string ContractsPath => In(DeploymentsName, "31337.json");

    /// <summary>Where the deployment writes that file.</summary>
    public string DeploymentsFolder => In(DeploymentsName);

    /// <summary>The passphrase of every key in this devnet.</summary>
    public string PassphrasePath => In("passphrase");

    /// <summary>Whether a devnet was started here and not taken down.</summary>
    public bool HasDescription => File.Exists(DescriptionPath);

    /// <summary>A path in the folder.</summary>
    public string In(params string[] parts) => System.IO.Path.Combine([Path, .. parts]);

    /// <summary>Where a process writes what it has to say.</summary>
    public string LogOf(string who) => In("logs", who.Replace(':', '-') + ".log");

    /// <summary>Reads the description.</summary>
    /// <exception cref="MarketException">No devnet runs here.</exception>
    public DevnetFile Read() => HasDescription
        ? DevnetFile.Read(DescriptionPath)
        : throw new MarketException(MarketErrorCode.NotFound, $"No devnet runs in {Path}", "start one: ./scripts/devnet.sh up --detach");

    /// <summary>Writes the description, mode 600; readers see the old or the new one.</summary>
    public void Write(DevnetFile file) => PrivateFiles.Replace(DescriptionPath, MarketJson.Write(file, CommandJson.Page) + "\n");

    /// <summary>Takes the description away: the devnet is down.</summary>
    public void DeleteDescription() => File.Delete(DescriptionPath);

    /// <summary>Empties the folder for a new devnet. The caller holds the lock.</summary>
    public void BeginAfresh()
    {
        foreach (string entry in Directory.EnumerateFileSystemEntries(Path))
        {
            if (System.IO.Path.GetFileName(entry) == MarkerName) continue;
            if (Directory.Exists(entry) && File.ResolveLinkTarget(entry, returnFinalTarget: false) is null) Directory.Delete(entry, recursive: true);
            else File.Delete(entry);
        }

        PrivateFiles.CreateFolder(In("logs"));
    }

    /// <summary>Lets one call at a time change the devnet. Dispose to let the next one in; the system does so for a killed process.</summary>
    /// <exception cref="MarketException">Another call is at it, or the folder holds something that is not a devnet.</exception>
    public IDisposable Lock()
    {
        PrivateFiles.CreateFolder(Path);
        if (!File.Exists(In(MarkerName)) && Directory.EnumerateFileSystemEntries(Path).Any())
            throw new MarketException(MarketErrorCode.Usage, $"{Path} holds something that is not a devnet, and it stays as it is", "name an empty folder: --dir DIR");
        try
        {
            return new FileStream(In(MarkerName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException exception)
        {
            throw new MarketException(MarketErrorCode.Failed, $"Another call changes the devnet in {Path} right now", "wait for it, then try again", exception);
        }
    }

    /// <summary>Notes a process as soon as it starts, so that it can be stopped even if nothing else was written.</summary>
    public void Note(LocalProcess process) =>
        File.AppendAllText(In(ProcessesName), string.Create(CultureInfo.InvariantCulture, $"{process.Pid} {process.StartTicks}\n"));

    /// <summary>All processes that were ever started for this devnet.</summary>
    public IReadOnlyList<LocalProcess> NotedProcesses()
    {
        if (!File.Exists(In(ProcessesName))) return [];
        return
        [
            .. File.ReadLines(In(ProcessesName)).Select(line => line.Split(' ')).Where(words => words.Length == 2 && words[1].Length > 0).Select(words => new LocalProcess(
                int.Parse(words[0], CultureInfo.InvariantCulture), long.Parse(words[1], CultureInfo.InvariantCulture))),
        ];
    }
}
