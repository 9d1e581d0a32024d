namespace Marketplace.Coding;

/// <summary>What is wrong with a bundle or a part of it.</summary>
public enum BundleFault
{
    /// <summary>The bytes do not begin like a bundle.</summary>
    NotABundle,

    /// <summary>A version, kind or encoding that this program does not know.</summary>
    UnknownVersion,

    /// <summary>The key-check value says that this key does not open the bundle.</summary>
    WrongKey,

    /// <summary>A sealed part does not open: changed, moved, cut, or of another bundle.</summary>
    Tampered,

    /// <summary>A part opened but does not say what it must: lengths, counts, places or order are wrong.</summary>
    Malformed,

    /// <summary>A limit of the format is passed.</summary>
    TooLarge,

    /// <summary>A name or link target is not allowed (<see cref="EntryName"/>).</summary>
    BadName,
}

/// <summary>A bundle, or a part of one, cannot be read. No bytes of it were given out.</summary>
public sealed class BundleFormatException(BundleFault fault, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>What is wrong.</summary>
    public BundleFault Fault { get; } = fault;
}
