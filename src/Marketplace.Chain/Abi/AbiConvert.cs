namespace Marketplace.Chain.Abi;

/// <summary>Helps generated code to turn decoded values into typed ones.</summary>
public static class AbiConvert
{
    /// <summary>A typed array from a decoded one.</summary>
    public static T[] ToArray<T>(object? list, Func<object?, T> convert)
    {
        IReadOnlyList<object?> items = (IReadOnlyList<object?>)list!;
        T[] array = new T[items.Count];
        for (int i = 0; i < array.Length; i++) array[i] = convert(items[i]);
        return array;
    }
}
