using System.Diagnostics;
using System.Globalization;
using Marketplace.Chain.Contracts;
using Marketplace.Chain.Rpc;
using Marketplace.Chain.Transactions;
using Marketplace.Client.Deals;
using Marketplace.Client.Json;
using Marketplace.Client.Sessions;
using Marketplace.Client.Sources;
using Marketplace.Coding;
using Marketplace.Domain;

namespace Marketplace.Chaos.Tests;

/// <summary>An object that was acknowledged: its name and what it must give back.</summary>
internal sealed record KeptObject(string Name, int Seed, int Bytes, ulong Deal, PeriodNumber End);

/// <summary>
/// A client that does everything that a client does, one thing after another, with objects whose bytes come from the seed. It knows
/// which names were acknowledged; a read that fails although enough nodes are whole is a broken promise, at once or at the end.
/// </summary>
internal sealed class ChaosClient(int number, StorageClient client, MarketChain chain, FastChain time, ChaosSums sums, int seed, Action<string> say)
{
    private const int ObjectsMax = 14;
    private const int PeriodsMin = 8;
    private const int PeriodsMax = 30;
    private const int ReadTriesMax = 8;
    private const int SmallBytesMax = 4_096;
    private const int MiddleBytesMax = 1 << 20;
    private const int LargeBytesMax = 6 << 20;

    /// <summary>Nearer to its end than this an object is left alone.</summary>
    private const uint LastPeriods = 2;

    private static readonly TimeSpan s_readAgain = TimeSpan.FromSeconds(1);
    private static readonly string[] s_redundancies = ["1/3", "1/3", "1/3", "2/4", "2/5", "4/6"];

    private readonly Random _random = new(HashCode.Combine(seed, number));
    private readonly List<KeptObject> _objects = [];
    private readonly List<string> _removed = [];
    private int _count;
    private ulong _putSince = ulong.MaxValue;

    /// <summary>The block in which the put that is under way began; the largest number if none is.</summary>
    public ulong PutSince => Volatile.Read(ref _putSince);

    /// <summary>One thing after another until it is enough.</summary>
    public async Task RunAsync(CancellationToken enough)
    {
        while (!enough.IsCancellationRequested)
        {
            Forget();
            int drawn = _random.Next(100);
            double pause = 2 + (_random.NextDouble() * 14);
            try
            {
                await (drawn switch
                {
                    < 34 when _objects.Count < ObjectsMax => PutAsync(null),
                    < 40 when _objects.Count > 0 => PutAsync(Pick()),
                    < 80 when _objects.Count > 0 => ReadAsync(Pick()),
                    < 90 when _objects.Count > 0 => ExtendAsync(Pick()),
                    < 95 when _objects.Count > 0 => RemoveAsync(Pick()),
                    _ => Task.CompletedTask,
                });
            }
            catch (Exception e) when (!IsRefusal(e))
            {
                sums.Break($"client {number} failed: {e}");
            }

            try
            {
                await time.PassAsync(pause, enough);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    /// <summary>Reads everything that was acknowledged and is still paid for. What does not come back is lost.</summary>
    public async Task CheckAllAsync()
    {
        Forget();
        foreach (KeptObject one in _objects.ToArray())
        {
            sums.Add("objects at the end");
            if (!await TryReadAsync(one, ReadTriesMax)) sums.Add("lost bytes", one.Bytes);
        }

        CatalogueView view = await FastChain.AskAsync(() => client.LoadAsync());
        foreach (string name in _removed.Where(name => view.Catalogue.Find(name) is not null)) sums.Break($"{name} was removed and shows again");
    }

    private async Task PutAsync(KeptObject? before)
    {
        int bytes = 1 + _random.Next(_random.Next(10) switch { < 2 => SmallBytesMax, < 8 => MiddleBytesMax, _ => LargeBytesMax });
        int content = _random.Next();
        Redundancy redundancy = Redundancy.Parse(s_redundancies[_random.Next(s_redundancies.Length)]);
        TimeSpan duration = time.Schedule.PeriodLength * _random.Next(PeriodsMin, PeriodsMax);
        string name = before?.Name ?? string.Create(CultureInfo.InvariantCulture, $"client-{number}/{++_count}");
        Volatile.Write(ref _putSince, time.Tip.Value);
        try
        {
            using var stream = new MemoryStream(Content(content, bytes));
            SourceObject source = SourceObject.FromStream(name, stream, bytes, mayBeShorter: false, DateTimeOffset.UnixEpoch);
            PutReport report = await client.PutAsync([source], new PutTerms(redundancy, duration));
            DealFacts deal = (await FastChain.AskAsync(() => chain.DealAsync(new DealId(client.Client, report.Deals[0].Id))))!;
            if (before is not null) _objects.Remove(before);
            _objects.Add(new KeptObject(name, content, bytes, deal.Id.Number, deal.End));
            sums.Add("puts");
            sums.Add("slots not filled by the client", report.Deals[0].Slots.Failed);
        }
        catch (Exception e) when (IsRefusal(e))
        {
            sums.Add("puts refused");
            say($"client {number} could not put {name} {redundancy}: {e.Message}");
            // Which of two versions shows is not known if the fate of the second is not.
            if (before is not null && !IsSureRefusal(e)) _objects.Remove(before);
        }
        finally
        {
            Volatile.Write(ref _putSince, ulong.MaxValue);
        }
    }

    private async Task ReadAsync(KeptObject one)
    {
        sums.Add("gets");
        if (!await TryReadAsync(one, ReadTriesMax)) _objects.Remove(one);
    }

    /// <summary>Compares every byte. False, and a broken promise, if they do not come although the deal runs.</summary>
    private async Task<bool> TryReadAsync(KeptObject one, int triesMax)
    {
        string why = "";
        for (int tries = 1; tries <= triesMax; tries++)
        {
            using var back = new MemoryStream(one.Bytes);
            try
            {
                await client.GetAsync(one.Name, null, back);
                if (back.GetBuffer().AsSpan(0, (int)back.Length).SequenceEqual(Content(one.Seed, one.Bytes)))
                {
                    sums.Add("bytes checked", one.Bytes);
                    return true;
                }

                sums.Break($"{one.Name} of deal {one.Deal} came back with other bytes");
                return false;
            }
            catch (Exception e) when (IsRefusal(e))
            {
                why = e.Message;
                sums.Add("gets tried again");
                say($"client {number} could not get {one.Name} of deal {one.Deal}: {why}");
                if (time.Period + 1 >= one.End) return true;
                await Task.Delay(s_readAgain);
            }
        }

        sums.Break($"{one.Name} of deal {one.Deal} does not come back: {why}");
        return false;
    }

    private async Task ExtendAsync(KeptObject one)
    {
        try
        {
            ExtendReport report = await client.ExtendAsync(one.Name, time.Schedule.PeriodLength * _random.Next(2, PeriodsMin));
            _objects.Remove(one);
            _objects.Add(one with { End = report.Deals.Single(deal => deal.Id == one.Deal).EndsAtPeriod });
            sums.Add("extended");
        }
        catch (Exception e) when (IsRefusal(e))
        {
            say($"client {number} could not extend {one.Name}: {e.Message}");
        }
    }

    private async Task RemoveAsync(KeptObject one)
    {
        Volatile.Write(ref _putSince, time.Tip.Value);
        try
        {
            await client.RemoveAsync(one.Name);
            _removed.Add(one.Name);
            sums.Add("removed");
        }
        catch (Exception e) when (IsRefusal(e))
        {
            say($"client {number} could not remove {one.Name}: {e.Message}");
            if (IsSureRefusal(e)) return;
        }
        finally
        {
            Volatile.Write(ref _putSince, ulong.MaxValue);
        }

        _objects.Remove(one);
    }

    private KeptObject Pick() => _objects[_random.Next(_objects.Count)];

    private void Forget() => _objects.RemoveAll(one => one.End <= time.Period + LastPeriods);

    private static byte[] Content(int seed, int bytes)
    {
        byte[] content = new byte[bytes];
        new Random(seed).NextBytes(content);
        return content;
    }

    /// <summary>What the library says when it could not do something, against faults of its own.</summary>
    private static bool IsRefusal(Exception e) => e is MarketException or RpcException or ContractRevertException or BundleFormatException or TransactionTimeoutException;

    /// <summary>Whether nothing was done, for sure.</summary>
    private static bool IsSureRefusal(Exception e) => e is MarketException { InnerException: not (RpcException or TransactionTimeoutException or TransactionReplacedException) };
}
