using Marketplace.Commands.Homes;
using Marketplace.Commands.Shell;
using Marketplace.Commands.Wallet;

namespace Marketplace.Cli.Tests.Shell;

public sealed class CommandShapesTests
{
    /// <summary>A program of machine code finds no shape by reflection, and this program would not notice.</summary>
    [Fact]
    public void Every_report_of_a_client_has_a_shape_that_was_compiled()
    {
        Type[] reports = [.. typeof(Output).Assembly.GetTypes().Where(type => type.Name.EndsWith("Report", StringComparison.Ordinal))];
        Assert.Contains(typeof(WalletReport), reports);
        Assert.All(reports, report => Assert.NotNull(CommandShapes.Default.GetTypeInfo(report)));
        Assert.NotNull(CommandShapes.Default.GetTypeInfo(typeof(DevnetFile)));
    }
}
