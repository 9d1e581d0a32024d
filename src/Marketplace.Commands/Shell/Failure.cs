using System.Net.Sockets;
using System.Text;
using Marketplace.Chain.Rpc;
using Marketplace.Domain;

namespace Marketplace.Commands.Shell;

/// <summary>What a thrown exception means to the person at the terminal.</summary>
internal static class Failure
{
    /// <summary>The exception as a failure with a code; anything unknown is <see cref="MarketErrorCode.Failed"/>.</summary>
    public static MarketException Of(Exception exception) => exception switch
    {
        MarketException known => known,
        AggregateException { InnerExceptions.Count: 1 } wrapped => Of(wrapped.InnerExceptions[0]),
        OperationCanceledException { InnerException: TimeoutException inner } => new MarketException(MarketErrorCode.Failed, inner.Message, "try again", exception),
        OperationCanceledException => new MarketException(MarketErrorCode.Failed, "Interrupted", null, exception),
        FormatException => new MarketException(MarketErrorCode.Usage, exception.Message, null, exception),
        FileNotFoundException { FileName: { } file } => new MarketException(MarketErrorCode.NotFound, $"There is no file {file}", null, exception),
        DirectoryNotFoundException => new MarketException(MarketErrorCode.NotFound, exception.Message, null, exception),
        UnauthorizedAccessException => new MarketException(MarketErrorCode.Failed, exception.Message, "check who owns the file", exception),
        RpcConnectionException => new MarketException(MarketErrorCode.Failed, exception.Message, "is the chain up, and is --rpc right? A devnet: ./scripts/devnet.sh up --detach", exception),
        RpcResponseException response when response.Text.Contains("insufficient funds", StringComparison.OrdinalIgnoreCase)
            || response.Text.Contains("doesn't have enough funds", StringComparison.OrdinalIgnoreCase) =>
            new MarketException(MarketErrorCode.InsufficientFunds, "The account has not enough of the chain's own coin to pay for gas", "send it some; on a devnet: market devnet fund ADDRESS", exception),
        HttpRequestException { InnerException: SocketException } => new MarketException(MarketErrorCode.Failed, exception.Message, "is it running, and is the address right?", exception),
        _ => new MarketException(MarketErrorCode.Failed, exception.Message, null, exception),
    };

    /// <summary>The one line on standard error: <c>error: what — what to do</c>.</summary>
    public static string Line(MarketException failure)
    {
        var line = new StringBuilder("error: ").Append(failure.Message.TrimEnd('.', ' '));
        if (failure.Missing is { } missing) line.Append(", missing ").Append(missing).Append(" tokens");
        if (!string.IsNullOrEmpty(failure.Hint)) line.Append(" — ").Append(failure.Hint);
        return line.ToString().ReplaceLineEndings(" ");
    }
}
