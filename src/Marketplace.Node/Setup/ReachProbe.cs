using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Marketplace.Network;

namespace Marketplace.Node;

/// <summary>Looks whether a node that does not run yet would be reached: listens in its place, connects to the address that others will use, and sends a word.</summary>
internal static class ReachProbe
{
    private const int WordBytes = 16;

    public static async Task<NodeCheck> ExamineAsync(NodeConfig config, CancellationToken token)
    {
        using var listener = new TcpListener(config.Listen);
        try
        {
            listener.Start();
        }
        catch (SocketException e)
        {
            return new NodeCheck("reach", CheckState.Failed, $"{config.Listen} cannot be listened on: {e.Message}", $"Another program has the port, or this machine has no such address: change listen in {NodeConfig.FileName}.");
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(token);
        limit.CancelAfter(EndpointGate.ConnectTimeout);
        try
        {
            byte[] word = RandomNumberGenerator.GetBytes(WordBytes);
            Task<bool> arrives = ArrivesAsync(listener, word, limit.Token);
            await using Stream asking = await new EndpointGate(allowPrivate: true).ConnectAsync(new DnsEndPoint(config.Url.Host, config.Url.Port), limit.Token);
            await asking.WriteAsync(word, limit.Token);
            if (await arrives) return new NodeCheck("reach", CheckState.Ok, $"what is sent to {config.Url} arrives here");
        }
        catch (Exception e) when (e is SocketException or IOException || (e is OperationCanceledException && !token.IsCancellationRequested))
        {
            // Told below.
        }

        return new NodeCheck(
            "reach", CheckState.Warning, $"what is sent to {config.Url} does not arrive at {config.Listen}",
            "Open the port in firewall and router. Some routers do not lead back from inside: then try from outside, once the node runs.");
    }

    /// <summary>Whether somebody connects and sends the word.</summary>
    private static async Task<bool> ArrivesAsync(TcpListener listener, ReadOnlyMemory<byte> word, CancellationToken token)
    {
        using TcpClient came = await listener.AcceptTcpClientAsync(token);
        byte[] got = new byte[word.Length];
        await came.GetStream().ReadExactlyAsync(got, token);
        return got.AsSpan().SequenceEqual(word.Span);
    }
}
