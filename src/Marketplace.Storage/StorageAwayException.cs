namespace Marketplace.Storage;

/// <summary>
/// The storage cannot be asked now: a disk that is not there, an IPFS node or a bucket that does not answer. It says nothing about the
/// bytes, so nothing is told lost because of it; what is gone or damaged is any other <see cref="IOException"/>.
/// </summary>
public sealed class StorageAwayException : IOException
{
    /// <summary>With what to look at.</summary>
    public StorageAwayException(string message)
        : base(message)
    {
    }

    /// <summary>With what to look at and what came before.</summary>
    public StorageAwayException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
