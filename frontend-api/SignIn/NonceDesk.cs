using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Marketplace.Gateway.SignIn;

/// <summary>What became of a nonce that somebody brought back.</summary>
public enum NonceVerdict
{
    /// <summary>It was given here, is young enough and is spent now.</summary>
    Spent,

    /// <summary>It was not given by this process.</summary>
    Unknown,

    /// <summary>It was given too long ago.</summary>
    Expired,

    /// <summary>It was spent before.</summary>
    Replayed,

    /// <summary>Too many were spent in a short time; try later.</summary>
    Full,
}

/// <summary>A nonce and the time in which it may be spent.</summary>
public readonly record struct GivenNonce(string Text, DateTimeOffset IssuedAt, DateTimeOffset ExpiresAt);

/// <summary>
/// Gives nonces and takes each back once. A nonce carries its time and a MAC under a key that lives as long as the process, so asking for
/// nonces fills no memory and a restart makes all old ones worthless; only spent ones are remembered, until they would have expired.
/// Safe for use by many threads.
/// </summary>
public sealed class NonceDesk(TimeProvider time)
{
    /// <summary>How long a nonce may be spent.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromMinutes(5);

    /// <summary>Spent nonces that are remembered; beyond them sign-in waits.</summary>
    public const int SpentMax = 20_000;

    private const int RandomBytes = 8;
    private const int TimeBytes = 8;
    private const int MacBytes = 12;
    private const int NonceBytes = RandomBytes + TimeBytes + MacBytes;

    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);
    private readonly HashSet<string> _spent = new(StringComparer.Ordinal);
    private readonly PriorityQueue<string, DateTimeOffset> _spentByExpiry = new();
    private readonly Lock _lock = new();

    /// <summary>A new nonce: letters and digits, never given before.</summary>
    public GivenNonce Give()
    {
        long seconds = time.GetUtcNow().ToUnixTimeSeconds();
        Span<byte> bytes = stackalloc byte[NonceBytes];
        RandomNumberGenerator.Fill(bytes[..RandomBytes]);
        BinaryPrimitives.WriteInt64BigEndian(bytes[RandomBytes..], seconds);
        Mac(bytes[..^MacBytes], bytes[^MacBytes..]);
        DateTimeOffset issuedAt = DateTimeOffset.FromUnixTimeSeconds(seconds);
        return new GivenNonce(Convert.ToHexStringLower(bytes), issuedAt, issuedAt + Life);
    }

    /// <summary>Takes a nonce back; only one call in its whole life answers <see cref="NonceVerdict.Spent"/>.</summary>
    public NonceVerdict Spend(string nonce)
    {
        Span<byte> bytes = stackalloc byte[NonceBytes];
        // Only the lower-case text is known here: two texts of one nonce would be two nonces.
        if (nonce.Length != NonceBytes * 2 || nonce.AsSpan().ContainsAnyInRange('A', 'Z')) return NonceVerdict.Unknown;
        if (Convert.FromHexString(nonce, bytes, out _, out _) != System.Buffers.OperationStatus.Done) return NonceVerdict.Unknown;
        Span<byte> mac = stackalloc byte[MacBytes];
        Mac(bytes[..^MacBytes], mac);
        if (!CryptographicOperations.FixedTimeEquals(mac, bytes[^MacBytes..])) return NonceVerdict.Unknown;

        DateTimeOffset now = time.GetUtcNow();
        DateTimeOffset expiresAt = DateTimeOffset.FromUnixTimeSeconds(BinaryPrimitives.ReadInt64BigEndian(bytes[RandomBytes..])) + Life;
        if (now >= expiresAt) return NonceVerdict.Expired;
        lock (_lock)
        {
            while (_spentByExpiry.TryPeek(out string? oldest, out DateTimeOffset forgetAt) && forgetAt <= now)
            {
                _spentByExpiry.Dequeue();
                _spent.Remove(oldest);
            }

            if (_spent.Contains(nonce)) return NonceVerdict.Replayed;
            if (_spent.Count == SpentMax) return NonceVerdict.Full;
            _spent.Add(nonce);
            _spentByExpiry.Enqueue(nonce, expiresAt);
            return NonceVerdict.Spent;
        }
    }

    private void Mac(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        Span<byte> whole = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(_key, source, whole);
        whole[..MacBytes].CopyTo(destination);
    }
}
