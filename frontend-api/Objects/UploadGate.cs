namespace Marketplace.Gateway.Objects;

/// <summary>
/// Lets one upload of a client through at a time, because each opens the client's next numbered deal; uploads of different clients
/// run side by side.
/// </summary>
public sealed class UploadGate(int perClientMax = UploadGate.PerClientMax, int runningMax = UploadGate.RunningMax)
    : ClientGate(runningPerClientMax: 1, perClientMax, runningMax)
{
    /// <summary>Uploads of one client that run or wait.</summary>
    public const int PerClientMax = 8;

    /// <summary>Uploads of all clients that run.</summary>
    public const int RunningMax = 64;
}
