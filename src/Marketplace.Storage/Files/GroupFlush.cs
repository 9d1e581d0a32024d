namespace Marketplace.Storage;

/// <summary>
/// Makes one flush do for all who wait: a caller is told when a flush that began after its call has ended, and while one flush runs
/// those who come meanwhile gather for the next. A thread of its own waits for the disk, and only while somebody waits for it.
/// </summary>
internal sealed class GroupFlush(Action flush)
{
    private readonly Lock _lock = new();
    private TaskCompletionSource? _next;
    private bool _isRunning;

    /// <summary>Ends when everything written before this call is flushed.</summary>
    /// <exception cref="IOException">The flush that was waited for failed.</exception>
    public Task FlushAsync()
    {
        lock (_lock)
        {
            if (!_isRunning)
            {
                // Where the system has no thread left, this fails, and the next caller tries again.
                new Thread(Run) { IsBackground = true, Name = "flush" }.Start();
                _isRunning = true;
            }

            _next ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _next.Task;
        }
    }

    private void Run()
    {
        while (true)
        {
            TaskCompletionSource group;
            lock (_lock)
            {
                if (_next is null)
                {
                    _isRunning = false;
                    return;
                }

                group = _next;
                _next = null;
            }

            try
            {
                flush();
                group.SetResult();
            }
            catch (Exception e)
            {
                group.SetException(e);
            }
        }
    }
}
