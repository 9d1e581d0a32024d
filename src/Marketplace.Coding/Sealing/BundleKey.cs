using System.Security.Cryptography;

namespace Marketplace.Coding;

/// <summary>
/// The key of one bundle together with the head that tells how to have it again. Seals and opens the bundle's parts;
/// may be shared by threads. Wiped when disposed.
/// </summary>
public sealed class BundleKey : IDisposable
{
    private readonly byte[] _chunkerKey = GC.AllocateArray<byte>(KeyDerivation.KeyBytes, pinned: true);

    private BundleKey(BundleHead head, ReadOnlySpan<byte> key, ReadOnlySpan<byte> chunkerSecret)
    {
        Head = head;
        Cipher = new BundleCipher(key);
        KeyDerivation.Derive(chunkerSecret, default, KeyDerivation.ChunkerInfo, _chunkerKey);
    }

    /// <summary>The bundle's first bytes.</summary>
    public BundleHead Head { get; }

    internal BundleCipher Cipher { get; }

    /// <summary>A new bundle's key for a client that has its master key, with a fresh random salt.</summary>
    public static BundleKey CreateDerived(MasterKey master) => Derive(master, RandomNumberGenerator.GetBytes(BundleHead.SaltBytes));

    /// <summary>
    /// The key of a salt. The same salt gives the same key: only the same content may be sealed again under it (a resumed upload).
    /// </summary>
    public static BundleKey Derive(MasterKey master, ReadOnlySpan<byte> salt)
    {
        ArgumentNullException.ThrowIfNull(master);
        ArgumentOutOfRangeException.ThrowIfNotEqual(salt.Length, BundleHead.SaltBytes);
        Span<byte> key = stackalloc byte[KeyDerivation.KeyBytes];
        Span<byte> check = stackalloc byte[BundleHead.KeyCheckBytes];
        try
        {
            KeyDerivation.Derive(master.Key, salt, KeyDerivation.BundleInfo, key);
            KeyDerivation.Derive(key, salt, KeyDerivation.CheckInfo, check);
            return new BundleKey(BundleHead.Create(BundleKeyKind.Derived, salt, check, default), key, master.Key);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    /// <summary>A new bundle's random key, wrapped to one or two X25519 public keys (32 bytes each).</summary>
    /// <exception cref="ArgumentException">No recipient, too many, or a public key that is none.</exception>
    public static BundleKey CreateWrapped(params ReadOnlySpan<ReadOnlyMemory<byte>> recipients)
    {
        Span<byte> secret = stackalloc byte[KeyDerivation.KeyBytes];
        try
        {
            RandomNumberGenerator.Fill(secret);
            return Wrap(RandomNumberGenerator.GetBytes(BundleHead.SaltBytes), secret, recipients);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    /// <summary>The same with the randomness given: 32 bytes of salt and 32 secret ones, never used for another content.</summary>
    /// <exception cref="ArgumentException">No recipient, too many, or a public key that is none.</exception>
    public static BundleKey Wrap(ReadOnlySpan<byte> salt, ReadOnlySpan<byte> secret, params ReadOnlySpan<ReadOnlyMemory<byte>> recipients)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(salt.Length, BundleHead.SaltBytes);
        ArgumentOutOfRangeException.ThrowIfNotEqual(secret.Length, KeyDerivation.KeyBytes);
        if (recipients.Length is < 1 or > BundleHead.WrappedKeysMax)
            throw new ArgumentException($"A key is wrapped to 1 to {BundleHead.WrappedKeysMax} recipients.", nameof(recipients));

        Span<byte> key = stackalloc byte[KeyDerivation.KeyBytes];
        Span<byte> check = stackalloc byte[BundleHead.KeyCheckBytes];
        Span<byte> ephemeralSecret = stackalloc byte[RecipientKeyPair.PrivateBytes];
        Span<byte> wrappingKey = stackalloc byte[KeyDerivation.KeyBytes];
        try
        {
            KeyDerivation.Derive(secret, salt, KeyDerivation.BundleInfo, key);
            KeyDerivation.Derive(key, salt, KeyDerivation.CheckInfo, check);
            byte[] wrapped = new byte[recipients.Length * BundleHead.WrappedKeyBytes];
            for (int i = 0; i < recipients.Length; i++)
            {
                KeyDerivation.Derive(secret, salt, [.. KeyDerivation.EphemeralInfo, (byte)i], ephemeralSecret);
                using var ephemeral = new RecipientKeyPair(ephemeralSecret);
                ReadOnlySpan<byte> recipient = recipients[i].Span;
                ReadOnlySpan<byte> ephemeralPublic = ephemeral.PublicKey.Span;
                if (!ephemeral.TryAgree(recipient, ephemeralPublic, recipient, salt, wrappingKey))
                    throw new ArgumentException($"Recipient {i} is not an X25519 public key.", nameof(recipients));
                Span<byte> slot = wrapped.AsSpan(i * BundleHead.WrappedKeyBytes, BundleHead.WrappedKeyBytes);
                ephemeralPublic.CopyTo(slot);
                using var cipher = new BundleCipher(wrappingKey);
                cipher.Seal(SealDomain.WrappedKey, 0, key, slot[RecipientKeyPair.PublicBytes..]);
            }

            return new BundleKey(BundleHead.Create(BundleKeyKind.Wrapped, salt, check, wrapped), key, key);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
            CryptographicOperations.ZeroMemory(ephemeralSecret);
            CryptographicOperations.ZeroMemory(wrappingKey);
        }
    }

    /// <summary>The key of a bundle that was read: derived from the master key, or unwrapped with the key pair that comes from it.</summary>
    /// <exception cref="BundleFormatException"><see cref="BundleFault.WrongKey"/>: this master key does not open the bundle.</exception>
    public static BundleKey Open(BundleHead head, MasterKey master)
    {
        ArgumentNullException.ThrowIfNull(head);
        ArgumentNullException.ThrowIfNull(master);
        if (head.KeyKind == BundleKeyKind.Wrapped)
        {
            using RecipientKeyPair pair = master.CreateRecipientKeyPair();
            return Open(head, pair);
        }

        BundleKey key = Derive(master, head.Salt);
        if (CryptographicOperations.FixedTimeEquals(key.Head.KeyCheck, head.KeyCheck)) return key;
        key.Dispose();
        throw WrongKey();
    }

    /// <summary>The key of a bundle that was read and whose key is wrapped to this pair.</summary>
    /// <exception cref="BundleFormatException"><see cref="BundleFault.WrongKey"/>: it is not wrapped to this pair.</exception>
    public static BundleKey Open(BundleHead head, RecipientKeyPair pair)
    {
        ArgumentNullException.ThrowIfNull(head);
        ArgumentNullException.ThrowIfNull(pair);
        Span<byte> key = stackalloc byte[KeyDerivation.KeyBytes];
        Span<byte> check = stackalloc byte[BundleHead.KeyCheckBytes];
        try
        {
            for (int i = 0; i < head.WrappedKeys; i++)
            {
                if (!TryUnwrap(head.WrappedKey(i), head.Salt, pair, key)) continue;
                KeyDerivation.Derive(key, head.Salt, KeyDerivation.CheckInfo, check);
                if (CryptographicOperations.FixedTimeEquals(check, head.KeyCheck)) return new BundleKey(head, key, key);
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }

        throw WrongKey();
    }

    /// <summary>
    /// A chunker whose cuts only this client (kind 1: in all its bundles; kind 2: in this bundle) can foretell.
    /// </summary>
    public Chunker CreateChunker() => new(_chunkerKey);

    /// <summary>Wipes the key.</summary>
    public void Dispose()
    {
        Cipher.Dispose();
        CryptographicOperations.ZeroMemory(_chunkerKey);
    }

    private static bool TryUnwrap(ReadOnlySpan<byte> wrapped, ReadOnlySpan<byte> salt, RecipientKeyPair pair, Span<byte> key)
    {
        ReadOnlySpan<byte> ephemeral = wrapped[..RecipientKeyPair.PublicBytes];
        Span<byte> wrappingKey = stackalloc byte[KeyDerivation.KeyBytes];
        if (!pair.TryAgree(ephemeral, ephemeral, pair.PublicKey.Span, salt, wrappingKey)) return false;
        using var cipher = new BundleCipher(wrappingKey);
        CryptographicOperations.ZeroMemory(wrappingKey);
        return cipher.TryOpen(SealDomain.WrappedKey, 0, wrapped[RecipientKeyPair.PublicBytes..], key);
    }

    private static BundleFormatException WrongKey() =>
        new(BundleFault.WrongKey, "This key does not open the bundle: it belongs to other words, or to another client.");
}
