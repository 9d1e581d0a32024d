using Spectre.Console;

namespace Marketplace.Commands.Shell;

/// <summary>Bars that show how far some work is.</summary>
internal interface IProgressLines
{
    /// <summary>A new bar. <paramref name="total"/> is null while nobody knows it.</summary>
    IProgressLine Start(string label, long? total);
}

/// <summary>One bar; <see cref="IProgress{T}.Report"/> takes what is done so far, not the step. Any thread may report.</summary>
internal interface IProgressLine : IProgress<long>
{
    /// <summary>Sets what there is to do, once it is known.</summary>
    void SetTotal(long total);
}

internal sealed class SilentProgress : IProgressLines, IProgressLine
{
    public static SilentProgress Instance { get; } = new();

    public IProgressLine Start(string label, long? total) => this;

    public void SetTotal(long total)
    {
    }

    public void Report(long value)
    {
    }
}

internal sealed class ShownProgress(ProgressContext context) : IProgressLines
{
    public IProgressLine Start(string label, long? total)
    {
        ProgressTask task = context.AddTask(Markup.Escape(label), maxValue: total ?? double.PositiveInfinity);
        task.IsIndeterminate = total is null;
        return new ShownLine(task);
    }

    private sealed class ShownLine(ProgressTask task) : IProgressLine
    {
        public void SetTotal(long total)
        {
            task.MaxValue = Math.Max(1, total);
            task.IsIndeterminate = false;
        }

        public void Report(long value) => task.Value = value;
    }
}
