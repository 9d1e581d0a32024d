using Marketplace.Chain.Rpc;

namespace Marketplace.Chain.Transactions;

/// <summary>Why an endpoint did not take a transaction, as far as its nonce is concerned.</summary>
internal enum Refusal
{
    Other,
    AlreadyKnown,
    NonceTooLow,
    NonceTooHigh,
    NonceTaken,
}

/// <summary>Reads the words of geth, Erigon, Nethermind, Hardhat and anvil; JSON-RPC has no codes for these cases.</summary>
internal static class Refusals
{
    public static Refusal Classify(RpcResponseException error)
    {
        string text = error.Text;
        if (Says("already known") || Says("already imported") || Says("known transaction")) return Refusal.AlreadyKnown;
        if (Says("nonce too low") || Says("nonce is too low") || Says("OldNonce")) return Refusal.NonceTooLow;
        if (Says("nonce too high") || Says("nonce gap")) return Refusal.NonceTooHigh;
        if (Says("replacement transaction underpriced") || Says("could not replace existing") || Says("replacement fee too low")
            || Says("max fee per gas") && Says("too low to replace") || Says("ReplacementNotAllowed")) return Refusal.NonceTaken;
        return Refusal.Other;

        bool Says(string words) => text.Contains(words, StringComparison.OrdinalIgnoreCase);
    }
}
