using Marketplace.Coding;
using Marketplace.Domain;
using Microsoft.Data.Sqlite;

namespace Marketplace.Storage;

/// <summary>
/// What the node knows of its shards, in one SQLite file: which are kept, who uploaded them, what was promised, and the ledger as last
/// read from the chain. Every call is one transaction that is on disk when it returns (WAL, synchronous = FULL); reading does not wait
/// for writers. A shard is needed while an upload or a range of the ledger names it.
/// </summary>
public sealed class ShardCatalogue : IDisposable
{
    private const int SchemaVersion = 4;

    /// <summary>An upload without a deal counts as at least so many leaves: a shard and its tree take a block of a disk each.</summary>
    public const long LentLeavesMin = 2 * 4096 / MerkleTree.LeafBytes;

    // How many shards of each size a volume has, kept by the table itself: nobody counts all rows to know how full a volume is.
    private const string Held = """
        CREATE TABLE held (volume INTEGER NOT NULL, leaves INTEGER NOT NULL, shards INTEGER NOT NULL, PRIMARY KEY (volume, leaves)) WITHOUT ROWID;
        CREATE TRIGGER shards_more AFTER INSERT ON shards BEGIN
            INSERT INTO held (volume, leaves, shards) VALUES (new.volume, new.leaves, 1) ON CONFLICT DO UPDATE SET shards = shards + 1;
        END;
        CREATE TRIGGER shards_fewer AFTER DELETE ON shards BEGIN
            UPDATE held SET shards = shards - 1 WHERE volume = old.volume AND leaves = old.leaves;
            DELETE FROM held WHERE volume = old.volume AND leaves = old.leaves AND shards = 0;
        END;
        CREATE TRIGGER shards_moved AFTER UPDATE OF volume ON shards BEGIN
            UPDATE held SET shards = shards - 1 WHERE volume = old.volume AND leaves = old.leaves;
            DELETE FROM held WHERE volume = old.volume AND leaves = old.leaves AND shards = 0;
            INSERT INTO held (volume, leaves, shards) VALUES (new.volume, new.leaves, 1) ON CONFLICT DO UPDATE SET shards = shards + 1;
        END;
        """;

    private const string Schema = """
        CREATE TABLE shards (root BLOB PRIMARY KEY, leaves INTEGER NOT NULL, volume INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
        CREATE TABLE uploads (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            client BLOB NOT NULL, number INTEGER NOT NULL, slot INTEGER NOT NULL,
            root BLOB NOT NULL REFERENCES shards (root),
            expires INTEGER NOT NULL,
            replaced INTEGER NOT NULL DEFAULT 0,
            deadline INTEGER, promise TEXT);
        CREATE INDEX uploads_place ON uploads (client, number, slot);
        CREATE INDEX uploads_root ON uploads (root);
        CREATE TABLE ledger (start INTEGER PRIMARY KEY, length INTEGER NOT NULL, root BLOB NOT NULL, leaves INTEGER NOT NULL, live_from INTEGER NOT NULL, live_until INTEGER NOT NULL);
        CREATE INDEX ledger_root ON ledger (root);
        CREATE TABLE doomed (root BLOB NOT NULL, volume INTEGER NOT NULL, PRIMARY KEY (root, volume)) WITHOUT ROWID;
        CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
        """ + Held;

    // Before volumes had numbers all shards lay on volume 0.
    private const string FromVersion1 = """
        ALTER TABLE shards ADD COLUMN volume INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE doomed RENAME TO doomed_1;
        CREATE TABLE doomed (root BLOB NOT NULL, volume INTEGER NOT NULL, PRIMARY KEY (root, volume)) WITHOUT ROWID;
        INSERT INTO doomed (root, volume) SELECT root, 0 FROM doomed_1;
        DROP TABLE doomed_1;
        """;

    // Before volumes were marked, one that has shards was known by them.
    private const string FromVersion2 = "INSERT OR IGNORE INTO facts (name, value) SELECT DISTINCT 'volume.' || volume, 'recorded' FROM shards;";

    // Before sizes were counted they were found by an index, which cost each upload a write at a random place.
    private const string FromVersion3 = Held + """
        DROP INDEX IF EXISTS shards_volume;
        INSERT INTO held (volume, leaves, shards) SELECT volume, leaves, count(*) FROM shards GROUP BY volume, leaves;
        """;

    private const string VolumeFact = "volume.";

    private const string UploadColumns = "SELECT u.id, u.client, u.number, u.slot, u.root, s.leaves, u.expires, u.deadline, u.promise FROM uploads u JOIN shards s ON s.root = u.root";

    private const string OnlyReads = "PRAGMA query_only = ON; PRAGMA busy_timeout = 5000;";

    private const string IsDue = "(promise IS NULL AND expires <= $now) OR (promise IS NOT NULL AND deadline < $block)";

    private readonly CatalogueConnection _writer;
    private readonly CatalogueConnection _reader;
    private readonly CatalogueConnection _counter;
    private readonly CatalogueBounds _bounds = new();
    private readonly GroupFlush _groups;
    private readonly Lock _waitingLock = new();
    private List<Waiting> _waiting = [];

    private ShardCatalogue(CatalogueConnection writer, string path, bool isNew)
    {
        _writer = writer;
        _reader = new CatalogueConnection(path, OnlyReads);
        // Counting may take long, and nothing waits for it but who asked.
        _counter = new CatalogueConnection(path, OnlyReads);
        IsNew = isNew;
        _groups = new GroupFlush(WriteGroup);
    }

    /// <summary>Whether the file was not there and was made now.</summary>
    public bool IsNew { get; }

    /// <summary>Opens the file, making it if it is absent.</summary>
    /// <exception cref="MarketException">It was written by a newer version.</exception>
    public static ShardCatalogue Open(string path)
    {
        var writer = new CatalogueConnection(path, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000;");
        try
        {
            long version = (long)writer.Scalar("PRAGMA user_version")!;
            if (version > SchemaVersion)
            {
                throw new MarketException(MarketErrorCode.Failed, "The node's records were written by a newer version of this program.", "Run that version.");
            }

            string steps = version switch { 0 => Schema, 1 => FromVersion1 + FromVersion2 + FromVersion3, 2 => FromVersion2 + FromVersion3, _ => FromVersion3 };
            if (version < SchemaVersion) writer.RunOnce($"BEGIN; {steps} PRAGMA user_version = {SchemaVersion}; COMMIT;");
            return new ShardCatalogue(writer, path, version == 0);
        }
        catch
        {
            writer.Dispose();
            throw;
        }
    }

    /// <summary>Records a shard that was found on a volume without any record, as an upload of nobody that expires. Does nothing if it is recorded.</summary>
    public void AddFound(ShardCommitment shard, int volume, DateTimeOffset expiresAt)
    {
        Write(records =>
        {
            if (VolumeOf(records, shard.Root) is null) AddUpload(records, UploadPlace.Nobodys, shard, volume, expiresAt);
        });
        _bounds.Added(UploadPlace.Nobodys.Deal.Client, LentFor(shard), expiresAt, replaces: false);
    }

    /// <summary>Keeps a recorded shard at least until then, whoever else uploaded it and lets go of it. False if it is not recorded.</summary>
    public bool Hold(ShardCommitment shard, DateTimeOffset expiresAt)
    {
        bool isHeld = Write(records =>
        {
            if (VolumeOf(records, shard.Root) is not { } volume) return false;
            (string, object)[] mine = [.. Keys(UploadPlace.Nobodys), ("$root", shard.Root.ToArray()), ("$expires", expiresAt.ToUnixTimeMilliseconds())];
            const string Mine = "FROM uploads WHERE client = $client AND number = $number AND slot = $slot AND root = $root";
            records.Execute($"DELETE {Mine} AND expires < $expires", mine);
            if (records.Scalar($"SELECT 1 {Mine} LIMIT 1", mine[..^1]) is null) AddUpload(records, UploadPlace.Nobodys, shard, volume, expiresAt);
            return true;
        });
        if (isHeld) _bounds.Added(UploadPlace.Nobodys.Deal.Client, LentFor(shard), expiresAt, replaces: false);
        return isHeld;
    }

    /// <summary>
    /// Records a sealed upload. What was uploaded to the same place before and not promised is forgotten; a promise stays until its
    /// deadline. Those who come while the disk is flushed share the next flush. If the shard lay on another volume, that copy is doomed.
    /// </summary>
    /// <returns>The volume where the shard was kept before, or null if it is new.</returns>
    public async Task<int?> AddUploadAsync(UploadPlace place, ShardCommitment shard, int volume, DateTimeOffset expiresAt)
    {
        var mine = new Waiting(records => AddUpload(records, place, shard, volume, expiresAt));
        lock (_waitingLock) _waiting.Add(mine);
        try
        {
            await _groups.FlushAsync();
        }
        catch
        {
            // Nobody writes it then, nor may a later group: whoever waits here is told that it failed.
            lock (_waitingLock) _waiting.Remove(mine);
            throw;
        }

        if (mine.Failure is { } failure) throw new IOException("The record of an upload could not be written: " + failure.Message, failure);
        _bounds.Added(place.Deal.Client, LentFor(shard), expiresAt, mine.Added.Replaces);
        return mine.Added.Before;
    }

    /// <summary>Says that a shard lies on another volume now; the copy on the old one is doomed. False if it does not lie on the old one any more.</summary>
    public bool MoveShard(Root root, int from, int to) => Write(records =>
    {
        bool moved = records.Execute("UPDATE shards SET volume = $to WHERE root = $root AND volume = $from", ("$root", root.ToArray()), ("$from", (long)from), ("$to", (long)to)) == 1;
        if (moved) Doom(records, root, from, to);
        return moved;
    });

    /// <summary>Where a shard lies, or null if it is not recorded.</summary>
    public (ShardCommitment Shard, int Volume)? Place(Root root)
    {
        List<(ShardCommitment, int)> found = Read(
            "SELECT root, leaves, volume FROM shards WHERE root = $root", static row => (ReadShard(row), row.GetInt32(2)), ("$root", root.ToArray()));
        return found.Count == 0 ? null : found[0];
    }

    /// <summary>Shards of a volume in the order of their roots, after one of them; how one walks through all without holding them.</summary>
    public IReadOnlyList<ShardCommitment> ShardsOf(int volume, Root? after, int countMax) => Read(
        "SELECT root, leaves FROM shards WHERE volume = $volume AND root > $after ORDER BY root LIMIT $count",
        ReadShard, ("$volume", (long)volume), ("$after", after?.ToArray() ?? []), ("$count", countMax));

    /// <summary>Forgets what was uploaded to a place. A promise stays until its deadline.</summary>
    public void RemoveUpload(UploadPlace place)
    {
        if (Write(records => Release(records, place))) _bounds.Freed();
    }

    /// <summary>Forgets uploads that are due, in one transaction. Those stay that were promised, or promised anew, since they were read.</summary>
    /// <returns>How many were forgotten.</returns>
    public int RemoveDueUploads(IReadOnlyCollection<UploadRecord> due, DateTimeOffset now, BlockNumber block)
    {
        int removed = Write(records => due.Sum(upload => records.Execute(
            $"DELETE FROM uploads WHERE id = $id AND ({IsDue})", [("$id", upload.Id), .. Due(now, block)])));
        if (removed > 0) _bounds.Freed();
        return removed;
    }

    /// <summary>Forgets an upload that could not be kept after all, unless it was promised.</summary>
    public void TakeBackUpload(UploadPlace place, Root root)
    {
        int removed = Write(records => records.Execute(
            "DELETE FROM uploads WHERE client = $client AND number = $number AND slot = $slot AND root = $root AND promise IS NULL", [.. Keys(place), ("$root", root.ToArray())]));
        if (removed > 0) _bounds.Freed();
    }

    /// <summary>Records a promise for an upload. False if that upload is not the place's newest any more.</summary>
    public bool AddPromise(long id, PromiseRecord promise)
    {
        bool added = Write(records => records.Execute(
            "UPDATE uploads SET deadline = max($deadline, coalesce(deadline, 0)), promise = $promise WHERE id = $id AND replaced = 0",
            ("$id", id), ("$deadline", (long)promise.Deadline.Value), ("$promise", promise.Document)) == 1);
        if (added) _bounds.Promised(promise.Deadline);
        return added;
    }

    /// <summary>The newest upload to a place.</summary>
    public UploadRecord? FindUpload(UploadPlace place) => Read(
        $"{UploadColumns} WHERE u.client = $client AND u.number = $number AND u.slot = $slot AND u.replaced = 0 ORDER BY u.id DESC LIMIT 1", ReadUpload, Keys(place)).FirstOrDefault();

    /// <summary>Whether a client has uploaded a shard with this root.</summary>
    public bool HasUploaded(Address client, Root root) =>
        Read("SELECT 1 FROM uploads WHERE root = $root AND client = $client LIMIT 1", static row => row.GetInt32(0), ("$root", root.ToArray()), ("$client", client.ToArray())).Count > 0;

    /// <summary>Uploads that are due, so many at most: without a promise and expired, or promised with a deadline before <paramref name="block"/>.</summary>
    public IReadOnlyList<UploadRecord> DueUploads(DateTimeOffset now, BlockNumber block, int countMax) => _bounds.IsNothingDue(now, block, EarliestDue)
        ? []
        : Read($"{UploadColumns} WHERE {IsDue} ORDER BY u.id LIMIT $count", ReadUpload, [.. Due(now, block), ("$count", countMax)]);

    /// <summary>Uploads that were promised, until they are forgotten.</summary>
    public IReadOnlyList<UploadRecord> PromisedUploads() => Read($"{UploadColumns} WHERE u.promise IS NOT NULL", ReadUpload);

    /// <summary>
    /// Leaves that lie here for uploads which no range of the ledger names, at least <see cref="LentLeavesMin"/> each: of one client, and of
    /// all. It may be more than that for a while, if there are so many that counting takes long.
    /// </summary>
    public (long Client, long All) UnopenedLeaves(Address client) => _bounds.Lent(client, CountLent);

    /// <summary>Puts the ledger as the chain has it in the place of what was known, together with named facts about where it was read.</summary>
    public void ReplaceLedger(IReadOnlyCollection<LedgerRange> ranges, params ReadOnlySpan<(string Name, string Value)> facts)
    {
        (string Name, string Value)[] kept = [.. facts];
        Write(records =>
        {
            records.Execute("DELETE FROM ledger");
            foreach (LedgerRange range in ranges)
            {
                records.Execute("INSERT INTO ledger (start, length, root, leaves, live_from, live_until) VALUES ($start, $length, $root, $leaves, $from, $until)",
                    ("$start", (long)range.Start), ("$length", (long)range.Length), ("$root", range.Shard.Root.ToArray()), ("$leaves", range.Shard.Leaves),
                    ("$from", (long)range.From.Value), ("$until", (long)range.Until.Value));
            }

            foreach ((string name, string value) in kept) SetFact(records, name, value);
        });
        _bounds.LedgerReplaced();
    }

    /// <summary>The ledger in order of its positions.</summary>
    public IReadOnlyList<LedgerRange> Ledger() => Read("SELECT start, length, root, leaves, live_from, live_until FROM ledger ORDER BY start", ReadRange);

    /// <summary>Whether a range of the ledger names a root.</summary>
    public bool IsInLedger(Root root) => Read("SELECT 1 FROM ledger WHERE root = $root LIMIT 1", static row => row.GetInt32(0), ("$root", root.ToArray())).Count > 0;

    /// <summary>A small thing to remember.</summary>
    public string? Fact(string name) => Read("SELECT value FROM facts WHERE name = $name", static row => row.GetString(0), ("$name", name)).FirstOrDefault();

    /// <summary>Remembers a small thing.</summary>
    public void SetFact(string name, string value) => Write(records => SetFact(records, name, value));

    /// <summary>A shard by its root.</summary>
    public ShardCommitment? Find(Root root)
    {
        List<ShardCommitment> found = Read("SELECT root, leaves FROM shards WHERE root = $root", ReadShard, ("$root", root.ToArray()));
        return found.Count == 0 ? null : found[0];
    }

    /// <summary>Every shard.</summary>
    public IReadOnlyList<ShardCommitment> All() => Read("SELECT root, leaves FROM shards", ReadShard);

    /// <summary>Shards that nothing names, with the live end of a range counted as long as it is in the ledger and ends at or after <paramref name="keepFrom"/>.</summary>
    public IReadOnlyList<ShardCommitment> Unneeded(PeriodNumber keepFrom, int countMax) => _bounds.FindUnneeded(keepFrom, () => Read(
        """
        SELECT s.root, s.leaves FROM shards s
        WHERE NOT EXISTS (SELECT 1 FROM uploads u WHERE u.root = s.root)
          AND NOT EXISTS (SELECT 1 FROM ledger l WHERE l.root = s.root AND l.live_until >= $keep)
        LIMIT $count
        """,
        ReadShard, ("$keep", (long)keepFrom.Value), ("$count", countMax)));

    /// <summary>
    /// Decides that a shard goes: its record is removed, unless somebody named it in the meantime, and it is doomed until
    /// <see cref="Buried"/> says that its bytes are gone.
    /// </summary>
    /// <returns>The volume where it lies, or null if it stays.</returns>
    public int? Doom(Root root, PeriodNumber keepFrom) => Write<int?>(records =>
    {
        if (VolumeOf(records, root) is not { } volume) return null;
        int removed = records.Execute(
            """
            DELETE FROM shards WHERE root = $root
              AND NOT EXISTS (SELECT 1 FROM uploads u WHERE u.root = $root)
              AND NOT EXISTS (SELECT 1 FROM ledger l WHERE l.root = $root AND l.live_until >= $keep)
            """,
            ("$root", root.ToArray()), ("$keep", (long)keepFrom.Value));
        if (removed != 1) return null;
        Doom(records, root, volume, -1);
        return volume;
    });

    /// <summary>The numbers of all volumes that were ever attached and not taken away empty, and what is remembered of each.</summary>
    public IReadOnlyDictionary<int, string> Volumes() => Read(
        "SELECT name, value FROM facts WHERE name LIKE 'volume.%'",
        static row => (Id: int.Parse(row.GetString(0).AsSpan(VolumeFact.Length), System.Globalization.CultureInfo.InvariantCulture), State: row.GetString(1)))
        .ToDictionary(one => one.Id, one => one.State);

    /// <summary>Remembers a volume, or forgets it.</summary>
    public void SetVolume(int id, string? state) => Write(records =>
    {
        string name = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{VolumeFact}{id}");
        if (state is not null) SetFact(records, name, state);
        else records.Execute("DELETE FROM facts WHERE name = $name", ("$name", name));
    });

    /// <summary>Shards whose bytes are still to be removed from a volume.</summary>
    public IReadOnlyList<Root> Doomed(int volume) => Read("SELECT root FROM doomed WHERE volume = $volume", static row => new Root((byte[])row[0]), ("$volume", (long)volume));

    /// <summary>The bytes of a doomed shard are gone from a volume.</summary>
    public void Buried(Root root, int volume) => Write(records => records.Execute("DELETE FROM doomed WHERE root = $root AND volume = $volume", ("$root", root.ToArray()), ("$volume", (long)volume)));

    /// <summary>Bytes that shards take with their trees, and their number, on each volume that has any.</summary>
    public IReadOnlyDictionary<int, (long Bytes, long Count)> Usage()
    {
        var usage = new Dictionary<int, (long Bytes, long Count)>();
        foreach ((int volume, long leaves, long count) in Read(
            "SELECT volume, leaves, shards FROM held", static row => (row.GetInt32(0), row.GetInt64(1), row.GetInt64(2))))
        {
            (long Bytes, long Count) before = usage.GetValueOrDefault(volume);
            usage[volume] = (before.Bytes + (DiskBytes.Of(leaves) * count), before.Count + count);
        }

        return usage;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _counter.Dispose();
        _reader.Dispose();
        _writer.Dispose();
    }

    private static Added AddUpload(CatalogueConnection records, UploadPlace place, ShardCommitment shard, int volume, DateTimeOffset expiresAt)
    {
        int? before = null;
        if (records.Execute("INSERT INTO shards (root, leaves, volume) VALUES ($root, $leaves, $volume) ON CONFLICT DO NOTHING",
            ("$root", shard.Root.ToArray()), ("$leaves", shard.Leaves), ("$volume", (long)volume)) == 0)
        {
            before = VolumeOf(records, shard.Root);
            if (before is { } old && old != volume)
            {
                records.Execute("UPDATE shards SET volume = $volume WHERE root = $root", ("$root", shard.Root.ToArray()), ("$volume", (long)volume));
                Doom(records, shard.Root, old, volume);
            }
        }

        // A copy that was to be removed from there is this one now.
        records.Execute("DELETE FROM doomed WHERE root = $root AND volume = $volume", ("$root", shard.Root.ToArray()), ("$volume", (long)volume));
        bool replaces = place != UploadPlace.Nobodys && Release(records, place);
        records.Execute("INSERT INTO uploads (client, number, slot, root, expires) VALUES ($client, $number, $slot, $root, $expires)",
            [.. Keys(place), ("$root", shard.Root.ToArray()), ("$expires", expiresAt.ToUnixTimeMilliseconds())]);
        return new Added(before, replaces);
    }

    private static void Doom(CatalogueConnection records, Root root, int volume, int but)
    {
        records.Execute("INSERT INTO doomed (root, volume) VALUES ($root, $volume) ON CONFLICT DO NOTHING", ("$root", root.ToArray()), ("$volume", (long)volume));
        records.Execute("DELETE FROM doomed WHERE root = $root AND volume = $but", ("$root", root.ToArray()), ("$but", (long)but));
    }

    private static int? VolumeOf(CatalogueConnection records, Root root) =>
        (int?)(long?)records.Scalar("SELECT volume FROM shards WHERE root = $root", ("$root", root.ToArray()));

    /// <summary>Forgets what was uploaded to a place, but for what was promised. Whether there was anything.</summary>
    private static bool Release(CatalogueConnection records, UploadPlace place)
    {
        if (records.Scalar("SELECT 1 FROM uploads WHERE client = $client AND number = $number AND slot = $slot LIMIT 1", Keys(place)) is null) return false;
        records.Execute("DELETE FROM uploads WHERE client = $client AND number = $number AND slot = $slot AND promise IS NULL", Keys(place));
        records.Execute("UPDATE uploads SET replaced = 1 WHERE client = $client AND number = $number AND slot = $slot", Keys(place));
        return true;
    }

    private static void SetFact(CatalogueConnection records, string name, string value) =>
        records.Execute("INSERT INTO facts (name, value) VALUES ($name, $value) ON CONFLICT DO UPDATE SET value = $value", ("$name", name), ("$value", value));

    private static (string, object)[] Due(DateTimeOffset now, BlockNumber block) => [("$now", now.ToUnixTimeMilliseconds()), ("$block", (long)block.Value)];

    private static (string, object)[] Keys(UploadPlace place) =>
        [("$client", place.Deal.Client.ToArray()), ("$number", (long)place.Deal.Number), ("$slot", (long)place.Slot)];

    private static UploadRecord ReadUpload(SqliteDataReader row) => new(
        row.GetInt64(0),
        new UploadPlace(new DealId(new Address((byte[])row[1]), (ulong)row.GetInt64(2)), row.GetInt32(3)),
        new ShardCommitment(new Root((byte[])row[4]), row.GetInt64(5)),
        DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(6)),
        row.IsDBNull(8) ? null : new PromiseRecord(new BlockNumber((ulong)row.GetInt64(7)), row.GetString(8)));

    private static ShardCommitment ReadShard(SqliteDataReader row) => new(new Root((byte[])row[0]), row.GetInt64(1));

    private static LedgerRange ReadRange(SqliteDataReader row) => new(
        (ulong)row.GetInt64(0),
        (ulong)row.GetInt64(1),
        new ShardCommitment(new Root((byte[])row[2]), row.GetInt64(3)),
        new PeriodNumber((uint)row.GetInt64(4)),
        new PeriodNumber((uint)row.GetInt64(5)));

    /// <summary>Writes all that wait as one transaction. If it fails nothing of it is recorded and all of them are told.</summary>
    private void WriteGroup()
    {
        List<Waiting> group;
        lock (_waitingLock)
        {
            group = _waiting;
            _waiting = [];
        }

        if (group.Count == 0) return;
        try
        {
            Write(records =>
            {
                foreach (Waiting one in group) one.Added = one.Work(records);
            });
        }
        catch (Exception e)
        {
            // Some of the group wait for the flush after this one: they hear of it only so.
            foreach (Waiting one in group) one.Failure = e;
        }
    }

    private static long LentFor(ShardCommitment shard) => Math.Max(shard.Leaves, LentLeavesMin);

    private Dictionary<Address, long> CountLent()
    {
        lock (_counter.Lock)
        {
            return _counter.Query(
                """
                SELECT u.client, sum(max(s.leaves, $least)) FROM uploads u JOIN shards s ON s.root = u.root
                WHERE NOT EXISTS (SELECT 1 FROM ledger l WHERE l.root = u.root) GROUP BY u.client
                """,
                static row => (Client: new Address((byte[])row[0]), Leaves: row.GetInt64(1)),
                ("$least", LentLeavesMin)).ToDictionary(one => one.Client, one => one.Leaves);
        }
    }

    /// <summary>The first expiry of an upload without a promise, and the first deadline of one with.</summary>
    private (DateTimeOffset Expiry, BlockNumber Deadline) EarliestDue() => Read(
        "SELECT (SELECT min(expires) FROM uploads WHERE promise IS NULL), (SELECT min(deadline) FROM uploads WHERE promise IS NOT NULL)",
        static row => (
            row.IsDBNull(0) ? DateTimeOffset.MaxValue : DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(0)),
            new BlockNumber(row.IsDBNull(1) ? ulong.MaxValue : (ulong)row.GetInt64(1))))[0];

    private void Write(Action<CatalogueConnection> work) => Write(records =>
    {
        work(records);
        return true;
    });

    private T Write<T>(Func<CatalogueConnection, T> work)
    {
        lock (_writer.Lock) return _writer.Transact(work);
    }

    private List<T> Read<T>(string sql, Func<SqliteDataReader, T> row, params ReadOnlySpan<(string Name, object Value)> parameters)
    {
        lock (_reader.Lock) return _reader.Query(sql, row, parameters);
    }

    /// <summary>The volume where the shard was kept before, and whether something was uploaded to its place before.</summary>
    private readonly record struct Added(int? Before, bool Replaces);

    private sealed class Waiting(Func<CatalogueConnection, Added> work)
    {
        public Func<CatalogueConnection, Added> Work { get; } = work;

        public Added Added { get; set; }

        public Exception? Failure { get; set; }
    }
}
