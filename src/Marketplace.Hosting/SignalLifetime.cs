using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Marketplace.Hosting;

/// <summary>Ends the host in order when the process is told to: SIGTERM, SIGINT or SIGQUIT. A second SIGINT ends it at once.</summary>
internal sealed partial class SignalLifetime(IHostApplicationLifetime application, ILogger<SignalLifetime> log) : IHostLifetime, IDisposable
{
    private readonly List<PosixSignalRegistration> _registrations = [];

    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        foreach (PosixSignal signal in (ReadOnlySpan<PosixSignal>)[PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGQUIT])
        {
            _registrations.Add(PosixSignalRegistration.Create(signal, OnSignal));
        }

        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations) registration.Dispose();
    }

    private void OnSignal(PosixSignalContext context)
    {
        if (application.ApplicationStopping.IsCancellationRequested) return;
        context.Cancel = true;
        LogSignal(context.Signal);
        application.StopApplication();
    }

    [LoggerMessage(1001, LogLevel.Information, "Stopping on {Signal}")]
    private partial void LogSignal(PosixSignal signal);
}
