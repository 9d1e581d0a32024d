using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text;

namespace Marketplace.Chain.Accounts;

/// <summary>
/// Words of BIP-39 (English list) that stand for a seed. The text never appears in <see cref="ToString"/>, so that no log shows it.
/// </summary>
public sealed class Mnemonic
{
    /// <summary>Bytes of the seed.</summary>
    public const int SeedBytes = 64;

    /// <summary>Words of a new mnemonic: 128 bits.</summary>
    public const int DefaultWords = 12;

    private const int BitsPerWord = 11;
    private const int SeedIterations = 2048;

    private static readonly string[] s_words = ReadWords();
    private static readonly FrozenDictionary<string, int> s_numbers =
        s_words.Index().ToFrozenDictionary(static pair => pair.Item, static pair => pair.Index, StringComparer.Ordinal);

    private Mnemonic(string words) => Words = words;

    /// <summary>The words, lower case, one space between them. A secret.</summary>
    public string Words { get; }

    /// <summary>Makes new words from the system's randomness.</summary>
    /// <param name="words">12, 15, 18, 21 or 24.</param>
    public static Mnemonic Create(int words = DefaultWords)
    {
        if (!IsWordCount(words)) throw new ArgumentOutOfRangeException(nameof(words), words, "12, 15, 18, 21 or 24 words are possible.");
        Span<byte> entropy = stackalloc byte[words / 3 * 4];
        RandomNumberGenerator.Fill(entropy);
        Mnemonic mnemonic = FromEntropy(entropy);
        CryptographicOperations.ZeroMemory(entropy);
        return mnemonic;
    }

    /// <summary>The words for 16, 20, 24, 28 or 32 bytes.</summary>
    public static Mnemonic FromEntropy(ReadOnlySpan<byte> entropy)
    {
        if (entropy.Length % 4 != 0 || !IsWordCount(entropy.Length / 4 * 3))
            throw new ArgumentException("16, 20, 24, 28 or 32 bytes are possible.", nameof(entropy));
        byte[] bits = [.. entropy, SHA256.HashData(entropy)[0]];
        string[] words = new string[entropy.Length / 4 * 3];
        for (int i = 0; i < words.Length; i++) words[i] = s_words[ReadNumber(bits, i)];
        CryptographicOperations.ZeroMemory(bits);
        return new Mnemonic(string.Join(' ', words));
    }

    /// <summary>Reads words in any case and spacing. False with a reason that repeats no word that is in the list.</summary>
    public static bool TryParse(string? text, out Mnemonic? mnemonic, out string problem)
    {
        mnemonic = null;
        string[] words = (text ?? "").ToLowerInvariant().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (!IsWordCount(words.Length))
        {
            problem = $"a recovery phrase has 12, 15, 18, 21 or 24 words, not {words.Length}";
            return false;
        }

        byte[] bits = new byte[(words.Length * BitsPerWord + 7) / 8];
        for (int i = 0; i < words.Length; i++)
        {
            if (!s_numbers.TryGetValue(words[i], out int number))
            {
                problem = $"word {i + 1} is not in the English BIP-39 list";
                return false;
            }

            WriteNumber(bits, i, number);
        }

        int entropyBytes = words.Length / 3 * 4;
        int checkBits = words.Length / 3;
        int mask = 0xff << (8 - checkBits) & 0xff;
        bool isRight = ((SHA256.HashData(bits.AsSpan(0, entropyBytes))[0] ^ bits[entropyBytes]) & mask) == 0;
        CryptographicOperations.ZeroMemory(bits);
        problem = isRight ? "" : "the checksum of the words is wrong: a word is mistyped or two are swapped";
        if (isRight) mnemonic = new Mnemonic(string.Join(' ', words));
        return isRight;
    }

    /// <summary>Reads words in any case and spacing.</summary>
    /// <exception cref="FormatException">They are no BIP-39 phrase; the message says why.</exception>
    public static Mnemonic Parse(string text) =>
        TryParse(text, out Mnemonic? mnemonic, out string problem) ? mnemonic! : throw new FormatException($"Not a recovery phrase: {problem}.");

    /// <summary>The 64 bytes that keys are derived from; the caller wipes them.</summary>
    /// <param name="passphrase">BIP-39's optional extra word.</param>
    public byte[] ToSeed(string passphrase = "") => Rfc2898DeriveBytes.Pbkdf2(
        Encoding.UTF8.GetBytes(Words),
        Encoding.UTF8.GetBytes("mnemonic" + passphrase.Normalize(NormalizationForm.FormKD)),
        SeedIterations,
        HashAlgorithmName.SHA512,
        SeedBytes);

    /// <summary>Says how many words there are, not which.</summary>
    public override string ToString() => $"{Words.Count(static c => c == ' ') + 1} words";

    private static bool IsWordCount(int words) => words is >= 12 and <= 24 && words % 3 == 0;

    private static int ReadNumber(ReadOnlySpan<byte> bits, int word)
    {
        int number = 0;
        for (int bit = word * BitsPerWord; bit < (word + 1) * BitsPerWord; bit++)
            number = number << 1 | (bits[bit / 8] >> (7 - bit % 8) & 1);
        return number;
    }

    private static void WriteNumber(Span<byte> bits, int word, int number)
    {
        for (int i = 0; i < BitsPerWord; i++)
        {
            int bit = word * BitsPerWord + i;
            if ((number >> (BitsPerWord - 1 - i) & 1) != 0) bits[bit / 8] |= (byte)(0x80 >> bit % 8);
        }
    }

    private static string[] ReadWords()
    {
        using Stream stream = typeof(Mnemonic).Assembly.GetManifestResourceStream("bip39-english.txt")
            ?? throw new InvalidOperationException("The word list is missing from the assembly.");
        using StreamReader reader = new(stream, Encoding.ASCII);
        return reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
