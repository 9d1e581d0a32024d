using System.Globalization;

namespace Marketplace.Chain.Abi;

/// <summary>Reads type names such as <c>(uint256 id, bytes data)[4][]</c>.</summary>
internal sealed class AbiTypeParser(string text)
{
    /// <summary>Deeper nesting than any compiler writes.</summary>
    private const int DepthMax = 32;

    private int _at;
    private int _depth;

    public AbiType ParseWhole()
    {
        AbiType type = ParseType();
        return _at == text.Length ? type : throw Wrong();
    }

    private AbiType ParseType()
    {
        if (++_depth > DepthMax) throw Wrong();
        AbiType type;
        if (text.AsSpan(_at).StartsWith("tuple(", StringComparison.Ordinal)) _at += "tuple".Length;
        if (Peek() == '(')
        {
            type = ParseTuple();
        }
        else
        {
            int start = _at;
            while (char.IsAsciiLetterOrDigit(Peek())) _at++;
            type = AbiType.ParseElementary(text[start.._at]);
        }

        while (Peek() == '[')
        {
            int close = text.IndexOf(']', _at);
            if (close < 0) throw Wrong();
            string digits = text[(_at + 1)..close];
            int? length = null;
            if (digits.Length > 0)
            {
                if (!int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int parsed)) throw Wrong();
                length = parsed;
            }

            type = new AbiArray(type, length);
            _at = close + 1;
        }

        _depth--;
        return type;
    }

    private AbiTuple ParseTuple()
    {
        List<AbiParameter> components = [];
        _at++;
        if (Peek() == ')')
        {
            _at++;
            return new AbiTuple(components);
        }

        while (true)
        {
            SkipSpaces();
            AbiType type = ParseType();
            SkipSpaces();
            int start = _at;
            while (char.IsAsciiLetterOrDigit(Peek()) || Peek() is '_' or '$') _at++;
            components.Add(new AbiParameter(text[start.._at], type));
            SkipSpaces();
            char next = Peek();
            _at++;
            if (next == ')') return new AbiTuple(components);
            if (next != ',') throw Wrong();
        }
    }

    private char Peek() => _at < text.Length ? text[_at] : '\0';

    private void SkipSpaces()
    {
        while (Peek() == ' ') _at++;
    }

    private AbiException Wrong() => new($"'{text}' is no ABI type (at {_at}).");
}
