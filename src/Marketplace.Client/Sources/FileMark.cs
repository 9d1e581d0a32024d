namespace Marketplace.Client.Sources;

/// <summary>What a file system says of a file that changes whenever its content does.</summary>
/// <param name="Bytes">Its length.</param>
/// <param name="Modified">When its content was last changed, in nanoseconds since 1970.</param>
/// <param name="Changed">When anything of it was last changed; no program can set this.</param>
/// <param name="Inode">Its number in its file system.</param>
/// <param name="Device">The file system.</param>
internal readonly record struct FileMark(long Bytes, long Modified, long Changed, ulong Inode, ulong Device)
{
    /// <summary>File systems count time in steps: a file that was changed so short before it was looked at may change again unnoticed.</summary>
    public static readonly TimeSpan Settled = TimeSpan.FromMilliseconds(100);

    /// <summary>Whether the mark, taken at this time, would show any later change.</summary>
    public bool IsSettledAt(DateTimeOffset time) =>
        Math.Max(Changed, Modified) < ((time - DateTimeOffset.UnixEpoch - Settled).Ticks * TimeSpan.NanosecondsPerTick);
}
