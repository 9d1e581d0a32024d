namespace Marketplace.Node;

/// <summary>Something that the operator should look at.</summary>
/// <param name="Key">What it is about; the same as long as it lasts.</param>
/// <param name="Severity"><c>warning</c> or <c>failed</c>.</param>
/// <param name="Text">One line.</param>
public sealed record NodeAlert(string Key, CheckState Severity, string Text);
