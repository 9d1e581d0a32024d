namespace Marketplace.Gateway.Objects;

/// <summary>Bounds the memory of reads and lists: each holds its client's names, and a read up to 40 MiB that its client has not taken yet.</summary>
public sealed class ReadGate(int runningPerClientMax = ReadGate.RunningPerClientMax, int perClientMax = ReadGate.PerClientMax, int runningMax = ReadGate.RunningMax)
    : ClientGate(runningPerClientMax, perClientMax, runningMax)
{
    /// <summary>Reads of one client that run.</summary>
    public const int RunningPerClientMax = 8;

    /// <summary>Reads of one client that run or wait.</summary>
    public const int PerClientMax = 64;

    /// <summary>Reads of all clients that run.</summary>
    public const int RunningMax = 128;
}
