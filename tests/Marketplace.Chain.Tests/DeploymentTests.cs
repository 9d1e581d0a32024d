using Marketplace.Domain;

namespace Marketplace.Chain.Tests;

public class DeploymentTests
{
    private const string Token = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

    [Fact]
    public void A_devnets_file_tells_chain_endpoint_and_contracts()
    {
        Deployment deployment = Deployment.Parse($$"""{"version":1,"rpcUrl":"http://127.0.0.1:1","chainId":31337,"contracts":{"Token":"{{Token}}"},"nodes":[]}""");

        Assert.Equal((31337UL, "http://127.0.0.1:1"), (deployment.ChainId, deployment.RpcUrl));
        Assert.Equal(Address.Parse(Token), deployment["Token"]);
    }

    [Fact]
    public void A_deployments_file_has_its_chain_in_its_name()
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        string file = Path.Combine(folder, "5.json");
        File.WriteAllText(file, $$"""{"Token":"{{Token}}"}""");
        try
        {
            Deployment deployment = Deployment.ReadFile(file);
            Assert.Equal(5UL, deployment.ChainId);
            Assert.Equal(Address.Parse(Token), deployment["Token"]);
            FormatException e = Assert.Throws<FormatException>(() => deployment["Bank"]);
            Assert.Contains("Bank", e.Message, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"contracts":[]}""")]
    public void What_is_no_deployment_is_refused(string json) => Assert.Throws<FormatException>(() => Deployment.Parse(json));
}
