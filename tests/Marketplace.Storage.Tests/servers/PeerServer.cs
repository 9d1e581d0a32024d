using System.Diagnostics;
using System.Security.Cryptography;

namespace Marketplace.Peers;

/// <summary>A server of other people's making (<c>servers/</c>) in a process of its own. Its packages are installed once, outside of the sources.</summary>
public abstract class PeerServer(string script) : IAsyncLifetime
{
    private static readonly TimeSpan s_installTimeout = TimeSpan.FromMinutes(4);
    private static readonly TimeSpan s_startTimeout = TimeSpan.FromMinutes(3);
    private static readonly SemaphoreSlim s_installing = new(1, 1);

    private readonly string _folder = Directory.CreateTempSubdirectory("market-peer-").FullName;
    private Process? _process;

    /// <summary>Where it answers.</summary>
    public Uri Url { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        string servers = await InstallAsync();
        _process = Start(Path.Combine(RepositoryRoot(), "node_modules", ".bin", "node"), servers, Path.Combine(servers, script), _folder);
        string? line = await _process.StandardOutput.ReadLineAsync().WaitAsync(s_startTimeout);
        Url = new Uri(line ?? throw new InvalidOperationException($"{script} ended: {await _process.StandardError.ReadToEndAsync()}"));
    }

    public async Task DisposeAsync()
    {
        if (_process is not null)
        {
            if (!_process.HasExited) _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
            _process.Dispose();
            _process = null;
        }

        if (Directory.Exists(_folder)) Directory.Delete(_folder, recursive: true);
    }

    private static async Task<string> InstallAsync()
    {
        string sources = Path.Combine(RepositoryRoot(), "tests", "Marketplace.Storage.Tests", "servers");
        string servers = Path.Combine(RepositoryRoot(), "node_modules", ".market-servers");
        string wanted = Convert.ToHexString(SHA256.HashData(await File.ReadAllBytesAsync(Path.Combine(sources, "package-lock.json"))));
        string mark = Path.Combine(servers, ".installed");
        await s_installing.WaitAsync();
        try
        {
            Directory.CreateDirectory(servers);
            foreach (string file in Directory.GetFiles(sources).Where(file => Path.GetExtension(file) != ".cs")) File.Copy(file, Path.Combine(servers, Path.GetFileName(file)), overwrite: true);
            if (File.Exists(mark) && await File.ReadAllTextAsync(mark) == wanted) return servers;
            using Process npm = Start("npm", servers, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error");
            Task<string> errors = npm.StandardError.ReadToEndAsync();
            try
            {
                await npm.StandardOutput.ReadToEndAsync().WaitAsync(s_installTimeout);
                await npm.WaitForExitAsync().WaitAsync(s_installTimeout);
            }
            catch (TimeoutException)
            {
                // Left alone it would still write when the next one begins.
                npm.Kill(entireProcessTree: true);
                throw;
            }

            if (npm.ExitCode != 0) throw new InvalidOperationException("npm ci failed: " + await errors);
            await File.WriteAllTextAsync(mark, wanted);
            return servers;
        }
        finally
        {
            s_installing.Release();
        }
    }

    private static Process Start(string program, string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo(program) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    private static string RepositoryRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "hardhat.config.js"))) return folder.FullName;
        }

        throw new InvalidOperationException("The tests do not run inside of a clone of the repository.");
    }
}

/// <summary>ipfs-core behind ipfs-http-server: the same RPC as Kubo's.</summary>
public sealed class IpfsServer() : PeerServer("ipfs.js");

/// <summary>s3rver.</summary>
public sealed class S3Server() : PeerServer("s3.js");
