using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Marketplace.Network;

namespace Marketplace.Benchmarks.Transfer;

/// <summary><c>restic</c> with <c>rclone serve restic</c> as its server, over TLS on loopback. Both programs count.</summary>
internal sealed class Restic : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    private readonly Process _server;
    private readonly int _port;
    private readonly string _folder;
    private readonly Dictionary<string, string> _environment;

    private Restic(Process server, int port, string folder)
    {
        _server = server;
        _port = port;
        _folder = folder;
        _environment = new Dictionary<string, string>
        {
            ["RESTIC_PASSWORD"] = "benchmark",
            ["RESTIC_CACHE_DIR"] = Path.Combine(folder, "cache"),
            ["RESTIC_PROGRESS_FPS"] = "0.01",
        };
    }

    /// <summary>Starts the server; null, with a line that says why, if one of the programs is missing.</summary>
    public static async Task<Restic?> StartAsync(string folder)
    {
        string[] path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':');
        if (((string[])["restic", "rclone"]).FirstOrDefault(program => !path.Any(at => File.Exists(Path.Combine(at, program)))) is { } missing)
        {
            await Console.Error.WriteLineAsync($"{missing} is missing — nothing is compared with restic");
            return null;
        }

        Directory.CreateDirectory(Path.Combine(folder, "data"));
        MakeCertificate(folder);
        int port = LocalPorts.Take();
        var start = new ProcessStartInfo("rclone") { UseShellExecute = false };
        foreach (string argument in (string[])["serve", "restic", "--addr", Invariant($"127.0.0.1:{port}"), "--cert", Path.Combine(folder, "cert.pem"), "--key", Path.Combine(folder, "key.pem"), "--config", Path.Combine(folder, "rclone.conf"), "--log-level", "ERROR", Path.Combine(folder, "data")])
            start.ArgumentList.Add(argument);
        var restic = new Restic(Process.Start(start) ?? throw new InvalidOperationException("rclone did not start."), port, folder);
        long began = Stopwatch.GetTimestamp();
        while (!await AnswersAsync(port))
        {
            if (Stopwatch.GetElapsedTime(began) > s_patience || restic._server.HasExited) throw new InvalidOperationException("rclone does not answer.");
            await Task.Delay(TimeSpan.FromMilliseconds(50));
        }

        return restic;
    }

    /// <summary>Backs a folder up into a new repository, whose making is not counted.</summary>
    public async Task<Measured> BackupAsync(string path, string repository)
    {
        await RunAsync(repository, "init");
        return await RunAsync(repository, "backup", path);
    }

    public Task<Measured> RestoreAsync(string repository, string path) => RunAsync(repository, "restore", "latest", "--target", path);

    public ValueTask DisposeAsync()
    {
        _server.Kill();
        _server.WaitForExit();
        _server.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task<Measured> RunAsync(string repository, params string[] arguments)
    {
        double before = Measured.SecondsOf([_server.Id]);
        Measured client = await Measured.RunAsync(
            "restic", ["-q", "-r", Invariant($"rest:https://127.0.0.1:{_port}/{repository}/"), "--cacert", Path.Combine(_folder, "cert.pem"), .. arguments], _environment);
        return client with { ProcessorSeconds = client.ProcessorSeconds + Measured.SecondsOf([_server.Id]) - before };
    }

    private static void MakeCertificate(string folder)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=benchmark", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        using X509Certificate2 certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(7));
        File.WriteAllText(Path.Combine(folder, "cert.pem"), certificate.ExportCertificatePem());
        File.WriteAllText(Path.Combine(folder, "key.pem"), key.ExportPkcs8PrivateKeyPem());
    }

    private static async Task<bool> AnswersAsync(int port)
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
