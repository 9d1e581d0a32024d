namespace Marketplace.Domain;

/// <summary>Why something was not done: the code in JSON, and the exit code of the command line.</summary>
public enum MarketErrorCode
{
    /// <summary>Anything else. Exit code 1.</summary>
    Failed = 1,

    /// <summary>The request itself is wrong. Exit code 2.</summary>
    Usage = 2,

    /// <summary>Not enough money. Exit code 3.</summary>
    InsufficientFunds = 3,

    /// <summary>No such object, deal or node. Exit code 4.</summary>
    NotFound = 4,

    /// <summary>Fewer slots filled or nodes alive than needed. Exit code 5.</summary>
    Incomplete = 5,

    /// <summary>Bytes that do not agree with what the chain says. Exit code 6.</summary>
    WrongBytes = 6,
}

/// <summary>A failure with one clear line for people, what to do about it, and a code for programs.</summary>
public sealed class MarketException(MarketErrorCode code, string message, string? hint = null, Exception? inner = null)
    : Exception(message, inner)
{
    /// <summary>The kind of failure.</summary>
    public MarketErrorCode Code { get; } = code;

    /// <summary>What to do about it, if there is something.</summary>
    public string? Hint { get; } = hint;

    /// <summary>With <see cref="MarketErrorCode.InsufficientFunds"/>: how much is missing.</summary>
    public TokenAmount? Missing { get; init; }

    /// <summary>The code's name in JSON.</summary>
    public static string NameOf(MarketErrorCode code) => code switch
    {
        MarketErrorCode.Usage => "usage",
        MarketErrorCode.InsufficientFunds => "insufficientFunds",
        MarketErrorCode.NotFound => "notFound",
        MarketErrorCode.Incomplete => "incomplete",
        MarketErrorCode.WrongBytes => "wrongBytes",
        _ => "failed",
    };

    /// <summary>The code of a name in JSON; a name that is not known is <see cref="MarketErrorCode.Failed"/>.</summary>
    public static MarketErrorCode CodeOf(string name) =>
        Enum.GetValues<MarketErrorCode>().FirstOrDefault(code => NameOf(code) == name, MarketErrorCode.Failed);
}
