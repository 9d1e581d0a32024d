namespace Marketplace.Storage.Tests;

/// <summary>The power went: nothing after this reaches the disk. Not an IOException, because no code may handle it.</summary>
public sealed class PowerCutException : Exception
{
    public PowerCutException() : base("The power is gone.") { }
}

/// <summary>
/// A disk in memory that forgets, at a power cut, what was not flushed: pages of an unflushed file come back as they were, new or empty,
/// each as chance has it; of the unflushed names a prefix in their order survives, as with the journals of ext4 and xfs. It can also be
/// full, fail an operation, or be slow. Everything follows from one seed.
/// </summary>
public sealed class FaultyDisk(int seed) : IDisk
{
    private const int PageBytes = 4096;

    private readonly Lock _lock = new();
    private readonly Random _random = new(seed);
    private readonly HashSet<string> _folders = [];
    private readonly List<(string? Folder, string? Other, Action<Dictionary<string, Content>> Change)> _journal = [];
    private Dictionary<string, Content> _names = [];
    private Dictionary<string, Content> _durableNames = [];
    private bool _isOff;

    /// <summary>Bytes that it can hold.</summary>
    public long CapacityBytes { get; set; } = long.MaxValue;

    /// <summary>How long each operation takes.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>One in so many operations fails with an input/output error; 0 for none.</summary>
    public int FailOneIn { get; set; }

    /// <summary>Operations until the power goes; negative for never.</summary>
    public int PowerCutAfter { get; set; } = -1;

    /// <summary>What all files hold.</summary>
    public long UsedBytes
    {
        get
        {
            lock (_lock) return _names.Values.Sum(content => content.Bytes.LongLength);
        }
    }

    /// <summary>Every file.</summary>
    public IReadOnlyList<string> AllFiles
    {
        get
        {
            lock (_lock) return [.. _names.Keys];
        }
    }

    /// <summary>Comes back after a power cut with what was durable, and with what chance adds.</summary>
    public void Restart()
    {
        lock (_lock)
        {
            int surviving = _random.Next(_journal.Count + 1);
            for (int i = 0; i < surviving; i++) _journal[i].Change(_durableNames);
            _journal.Clear();
            foreach (Content content in _durableNames.Values) content.Forget(_random);
            _names = new Dictionary<string, Content>(_durableNames);
            _isOff = false;
            PowerCutAfter = -1;
            FailOneIn = 0;
        }
    }

    /// <summary>Flips one bit.</summary>
    public void Flip(string path, long offset)
    {
        lock (_lock) _names[path].Bytes[offset] ^= 1;
    }

    public void MakeFolder(string path)
    {
        lock (_lock) _folders.Add(path);
    }

    public bool HasFolder(string path)
    {
        lock (_lock) return _folders.Contains(path);
    }

    public IDiskFile Create(string path)
    {
        lock (_lock)
        {
            Operate();
            if (_names.ContainsKey(path)) throw new IOException("It is there already.");
            var content = new Content();
            Rename(names => names[path] = content, path, null);
            return new OpenFile(this, content);
        }
    }

    public IDiskFile? TryOpen(string path)
    {
        lock (_lock)
        {
            Operate();
            return _names.TryGetValue(path, out Content? content) ? new OpenFile(this, content) : null;
        }
    }

    public void Move(string from, string to)
    {
        lock (_lock)
        {
            Operate();
            if (!_names.TryGetValue(from, out Content? content)) throw new FileNotFoundException(from);
            Rename(
                names =>
                {
                    names.Remove(from);
                    names[to] = content;
                },
                from, to);
        }
    }

    public void Delete(string path)
    {
        lock (_lock)
        {
            Operate();
            if (_names.ContainsKey(path)) Rename(names => names.Remove(path), path, null);
        }
    }

    public void FlushFolder(string path)
    {
        lock (_lock)
        {
            Operate();
            int last = _journal.FindLastIndex(one => one.Folder == path || one.Other == path);
            for (int i = 0; i <= last; i++) _journal[i].Change(_durableNames);
            _journal.RemoveRange(0, last + 1);
        }
    }

    public IDiskFlush? TryOpenFlush(string folder) => new WholeFlush(this);

    public IEnumerable<string> Files(string folder, bool deep)
    {
        lock (_lock)
        {
            Operate();
            return [.. _names.Keys.Where(path => deep ? path.StartsWith(folder + "/", StringComparison.Ordinal) : Path.GetDirectoryName(path) == folder)];
        }
    }

    public long FreeBytes(string folder) => CapacityBytes == long.MaxValue ? long.MaxValue / 2 : CapacityBytes - UsedBytes;

    private void Rename(Action<Dictionary<string, Content>> change, string path, string? other)
    {
        change(_names);
        _journal.Add((Path.GetDirectoryName(path), other is null ? null : Path.GetDirectoryName(other), change));
    }

    private void Operate()
    {
        if (_isOff) throw new PowerCutException();
        if (PowerCutAfter >= 0 && PowerCutAfter-- == 0)
        {
            _isOff = true;
            throw new PowerCutException();
        }

        if (Delay > TimeSpan.Zero) Thread.Sleep(Delay);
        if (FailOneIn > 0 && _random.Next(FailOneIn) == 0) throw new IOException("Input/output error");
    }

    private sealed class Content
    {
        private byte[] _flushed = [];

        public byte[] Bytes { get; set; } = [];

        public void Flush() => _flushed = [.. Bytes];

        public void Forget(Random random)
        {
            byte[] after = new byte[random.Next(2) == 0 ? Math.Max(_flushed.Length, Bytes.Length) : _flushed.Length];
            for (int at = 0; at < after.Length; at += PageBytes)
            {
                byte[] from = random.Next(2) == 0 ? _flushed : Bytes;
                int count = Math.Min(PageBytes, Math.Min(after.Length, from.Length) - at);
                if (count > 0) from.AsSpan(at, count).CopyTo(after.AsSpan(at));
            }

            Bytes = after;
            Flush();
        }
    }

    private sealed class WholeFlush(FaultyDisk disk) : IDiskFlush
    {
        public void Flush()
        {
            lock (disk._lock)
            {
                disk.Operate();
                foreach (Content content in disk._names.Values) content.Flush();
                foreach ((_, _, Action<Dictionary<string, Content>> change) in disk._journal) change(disk._durableNames);
                disk._journal.Clear();
            }
        }

        public void Dispose() { }
    }

    private sealed class OpenFile(FaultyDisk disk, Content content) : IDiskFile
    {
        public long Length
        {
            get
            {
                lock (disk._lock) return content.Bytes.Length;
            }
        }

        public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, long offset, CancellationToken token)
        {
            lock (disk._lock)
            {
                long grown = Math.Max(0, offset + bytes.Length - content.Bytes.Length);
                int taken = bytes.Length;
                bool isFull = disk.CapacityBytes != long.MaxValue && disk._names.Values.Sum(one => one.Bytes.LongLength) + grown > disk.CapacityBytes;
                bool isTorn = false;
                try
                {
                    disk.Operate();
                }
                catch (IOException)
                {
                    isTorn = true;
                }

                // A write that fails may have left a part of itself.
                if (isFull || isTorn) taken /= 2;
                if (offset + taken > content.Bytes.Length)
                {
                    byte[] longer = new byte[offset + taken];
                    content.Bytes.CopyTo(longer, 0);
                    content.Bytes = longer;
                }

                bytes.Span[..taken].CopyTo(content.Bytes.AsSpan((int)offset));
                if (isFull) throw new IOException("No space left on device");
                if (isTorn) throw new IOException("Input/output error");
            }

            return ValueTask.CompletedTask;
        }

        public int Read(Span<byte> destination, long offset)
        {
            lock (disk._lock)
            {
                disk.Operate();
                int count = (int)Math.Clamp(content.Bytes.Length - offset, 0, destination.Length);
                content.Bytes.AsSpan((int)Math.Min(offset, content.Bytes.Length), count).CopyTo(destination);
                return count;
            }
        }

        public void Flush()
        {
            lock (disk._lock)
            {
                disk.Operate();
                content.Flush();
            }
        }

        public void Dispose() { }
    }
}
