using System.Globalization;
using System.Text;

namespace Marketplace.Chain.Generators;

/// <summary>
/// Reads JSON into dictionaries, lists, strings, booleans, doubles and null. A generator cannot bring libraries along,
/// and what it reads comes from our own compiler.
/// </summary>
internal sealed class JsonReader
{
    private readonly string _text;
    private int _at;

    private JsonReader(string text) => _text = text;

    public static object? Parse(string text)
    {
        JsonReader reader = new(text);
        object? value = reader.ReadValue();
        reader.SkipSpaces();
        return reader._at == text.Length ? value : throw reader.Wrong();
    }

    private object? ReadValue()
    {
        SkipSpaces();
        switch (Peek())
        {
            case '{': return ReadObject();
            case '[': return ReadArray();
            case '"': return ReadString();
            case 't': return ReadWord("true", true);
            case 'f': return ReadWord("false", false);
            case 'n': return ReadWord("null", null);
            default: return ReadNumber();
        }
    }

    private Dictionary<string, object?> ReadObject()
    {
        Dictionary<string, object?> members = new(StringComparer.Ordinal);
        _at++;
        SkipSpaces();
        if (TryTake('}')) return members;
        do
        {
            SkipSpaces();
            string name = ReadString();
            SkipSpaces();
            Take(':');
            members[name] = ReadValue();
            SkipSpaces();
        }
        while (TryTake(','));
        Take('}');
        return members;
    }

    private List<object?> ReadArray()
    {
        List<object?> items = [];
        _at++;
        SkipSpaces();
        if (TryTake(']')) return items;
        do
        {
            items.Add(ReadValue());
            SkipSpaces();
        }
        while (TryTake(','));
        Take(']');
        return items;
    }

    private string ReadString()
    {
        Take('"');
        int start = _at;
        while (Peek() != '"' && Peek() != '\\') _at++;
        if (Peek() == '"') return _text.Substring(start, _at++ - start);
        StringBuilder text = new(_text, start, _at - start, 256);
        while (true)
        {
            char next = Next();
            if (next == '"') return text.ToString();
            text.Append(next == '\\' ? ReadEscape() : next);
        }
    }

    private char ReadEscape()
    {
        char kind = Next();
        switch (kind)
        {
            case 'n': return '\n';
            case 'r': return '\r';
            case 't': return '\t';
            case 'b': return '\b';
            case 'f': return '\f';
            case 'u':
                if (_at + 4 > _text.Length) throw Wrong();
                _at += 4;
                return (char)int.Parse(_text.Substring(_at - 4, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
            default: return kind;
        }
    }

    private object? ReadWord(string word, object? value)
    {
        if (string.CompareOrdinal(_text, _at, word, 0, word.Length) != 0) throw Wrong();
        _at += word.Length;
        return value;
    }

    private object ReadNumber()
    {
        int start = _at;
        while (_at < _text.Length && "+-0123456789.eE".IndexOf(_text[_at]) >= 0) _at++;
        return double.TryParse(_text.Substring(start, _at - start), NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
            ? number
            : throw Wrong();
    }

    private void SkipSpaces()
    {
        while (_at < _text.Length && char.IsWhiteSpace(_text[_at])) _at++;
    }

    private char Peek() => _at < _text.Length ? _text[_at] : throw Wrong();

    private char Next()
    {
        char next = Peek();
        _at++;
        return next;
    }

    private bool TryTake(char wanted)
    {
        if (Peek() != wanted) return false;
        _at++;
        return true;
    }

    private void Take(char wanted)
    {
        if (!TryTake(wanted)) throw Wrong();
    }

    private FormatException Wrong() => new("The text is no JSON at " + _at.ToString(CultureInfo.InvariantCulture) + ".");
}
