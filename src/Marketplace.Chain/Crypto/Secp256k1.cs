using Marketplace.Domain;
using Org.BouncyCastle.Asn1.X9;
using Org.BouncyCastle.Crypto.Digests;
using Org.BouncyCastle.Crypto.EC;
using Org.BouncyCastle.Crypto.Signers;
using Org.BouncyCastle.Math;
using Org.BouncyCastle.Math.EC;
using Org.BouncyCastle.Math.EC.Multiplier;

namespace Marketplace.Chain.Crypto;

/// <summary>
/// ECDSA over secp256k1 as Ethereum uses it: nonces by RFC 6979 (HMAC-SHA-256), s in the lower half (EIP-2), and recovery of the
/// public key. The arithmetic is Bouncy Castle's, which is not constant in time: do not sign for strangers who can time it closely.
/// </summary>
public static class Secp256k1
{
    /// <summary>Bytes of a private key.</summary>
    public const int PrivateKeyBytes = 32;

    private static readonly X9ECParameters s_curve = CustomNamedCurves.GetByName("secp256k1");
    private static readonly FixedPointCombMultiplier s_multiplier = new();
    private static readonly BigInteger s_halfOrder = s_curve.N.ShiftRight(1);

    /// <summary>The order of the group, which private keys stay below.</summary>
    internal static BigInteger Order => s_curve.N;

    /// <summary>True if the 32 bytes are a number from 1 to the order of the group less one.</summary>
    public static bool IsPrivateKey(ReadOnlySpan<byte> key)
    {
        if (key.Length != PrivateKeyBytes) return false;
        BigInteger number = ToInteger(key);
        return number.SignValue > 0 && number.CompareTo(s_curve.N) < 0;
    }

    /// <summary>The public key, 64 bytes x ‖ y.</summary>
    /// <exception cref="ArgumentException">The bytes are no private key.</exception>
    public static byte[] GetPublicKey(ReadOnlySpan<byte> privateKey) => PointOf(privateKey).GetEncoded(false)[1..];

    /// <summary>The public key, 33 bytes: parity and x.</summary>
    internal static byte[] GetCompressedPublicKey(ReadOnlySpan<byte> privateKey) => PointOf(privateKey).GetEncoded(true);

    /// <summary>Signs a digest. The same key and digest always give the same signature.</summary>
    /// <exception cref="ArgumentException">The bytes are no private key.</exception>
    public static EthSignature Sign(Hash32 digest, ReadOnlySpan<byte> privateKey)
    {
        BigInteger key = KeyOf(privateKey);
        byte[] message = digest.ToArray();
        BigInteger z = ToInteger(message);
        HMacDsaKCalculator nonces = new(new Sha256Digest());
        nonces.Init(s_curve.N, key, message);
        while (true)
        {
            BigInteger k = nonces.NextK();
            ECPoint point = s_multiplier.Multiply(s_curve.G, k).Normalize();
            BigInteger x = point.AffineXCoord.ToBigInteger();
            BigInteger s = k.ModInverse(s_curve.N).Multiply(z.Add(x.Multiply(key))).Mod(s_curve.N);
            // An x at or above the order has a chance of 2^-128; Ethereum's v cannot express it, so the next nonce is taken.
            if (x.CompareTo(s_curve.N) >= 0 || s.SignValue == 0) continue;

            bool isOdd = point.AffineYCoord.TestBitZero();
            if (s.CompareTo(s_halfOrder) > 0)
            {
                s = s_curve.N.Subtract(s);
                isOdd = !isOdd;
            }

            return new EthSignature(ToHash(x), ToHash(s), isOdd ? (byte)1 : (byte)0);
        }
    }

    /// <summary>
    /// Finds the address whose key made the signature. False for anything that Ethereum's contracts would refuse: numbers out of
    /// range, a high s (the same signature in a second form), a point that is not on the curve.
    /// </summary>
    public static bool TryRecover(Hash32 digest, EthSignature signature, out Address signer)
    {
        signer = default;
        if (!TryRecoverPublicKey(digest, signature, out byte[] publicKey)) return false;
        signer = Address.FromPublicKey(publicKey);
        return true;
    }

    /// <summary>Finds the public key (64 bytes) that made the signature; see <see cref="TryRecover"/>.</summary>
    public static bool TryRecoverPublicKey(Hash32 digest, EthSignature signature, out byte[] publicKey)
    {
        publicKey = [];
        BigInteger r = ToInteger(signature.R.ToArray());
        BigInteger s = ToInteger(signature.S.ToArray());
        if (r.SignValue == 0 || r.CompareTo(s_curve.N) >= 0 || s.SignValue == 0 || s.CompareTo(s_halfOrder) > 0 || signature.Parity > 1)
            return false;

        ECPoint point;
        try
        {
            point = s_curve.Curve.DecodePoint([(byte)(2 + signature.Parity), .. signature.R.ToArray()]);
        }
        catch (ArgumentException)
        {
            return false;
        }

        BigInteger z = ToInteger(digest.ToArray());
        BigInteger inverse = r.ModInverse(s_curve.N);
        ECPoint key = ECAlgorithms.SumOfTwoMultiplies(
            s_curve.G,
            s_curve.N.Subtract(z.Mod(s_curve.N)).Multiply(inverse).Mod(s_curve.N),
            point,
            s.Multiply(inverse).Mod(s_curve.N)).Normalize();
        if (key.IsInfinity) return false;
        publicKey = key.GetEncoded(false)[1..];
        return true;
    }

    /// <summary>(a + b) mod the order, for hierarchical keys; false if the sum is no key.</summary>
    internal static bool TryAdd(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b, Span<byte> sum)
    {
        BigInteger right = ToInteger(b);
        if (right.CompareTo(s_curve.N) >= 0) return false;
        BigInteger total = ToInteger(a).Add(right).Mod(s_curve.N);
        if (total.SignValue == 0) return false;
        ToHash(total).CopyTo(sum);
        return true;
    }

    private static ECPoint PointOf(ReadOnlySpan<byte> privateKey) => s_multiplier.Multiply(s_curve.G, KeyOf(privateKey)).Normalize();

    private static BigInteger KeyOf(ReadOnlySpan<byte> privateKey) => IsPrivateKey(privateKey)
        ? ToInteger(privateKey)
        : throw new ArgumentException("A private key is 32 bytes, not zero, below the order of secp256k1.", nameof(privateKey));

    private static BigInteger ToInteger(ReadOnlySpan<byte> bytes) => new(1, bytes);

    private static Hash32 ToHash(BigInteger number)
    {
        byte[] bytes = number.ToByteArrayUnsigned();
        Span<byte> padded = stackalloc byte[Hash32.SizeBytes];
        padded.Clear();
        bytes.CopyTo(padded[^bytes.Length..]);
        return new Hash32(padded);
    }
}
