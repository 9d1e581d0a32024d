namespace Marketplace.Node;

/// <summary>Lets each of many callers do so many things at once and no more, so that one of them cannot take the turns of all. Keeps nothing of who is gone.</summary>
internal sealed class Turns<TCaller>(int each)
    where TCaller : notnull
{
    private readonly Lock _lock = new();
    private readonly Dictionary<TCaller, Place> _places = [];

    /// <summary>Waits for a turn, in order. <see cref="Leave"/> must follow.</summary>
    public async ValueTask EnterAsync(TCaller caller, CancellationToken token)
    {
        Place place;
        lock (_lock)
        {
            if (!_places.TryGetValue(caller, out place!)) _places.Add(caller, place = new Place(each));
            place.Users++;
        }

        try
        {
            await place.Free.WaitAsync(token);
        }
        catch
        {
            Forget(caller, place);
            throw;
        }
    }

    /// <summary>Takes a turn if there is one now; then <see cref="Leave"/> must follow.</summary>
    public bool TryEnter(TCaller caller)
    {
        lock (_lock)
        {
            if (!_places.TryGetValue(caller, out Place? place)) _places.Add(caller, place = new Place(each));
            if (!place.Free.Wait(0)) return false;
            place.Users++;
            return true;
        }
    }

    /// <summary>Gives the turn back.</summary>
    public void Leave(TCaller caller)
    {
        Place place;
        lock (_lock) place = _places[caller];
        place.Free.Release();
        Forget(caller, place);
    }

    private void Forget(TCaller caller, Place place)
    {
        lock (_lock)
        {
            if (--place.Users > 0) return;
            _places.Remove(caller);
            place.Free.Dispose();
        }
    }

    private sealed class Place(int each)
    {
        public SemaphoreSlim Free { get; } = new(each, each);

        public int Users { get; set; }
    }
}
