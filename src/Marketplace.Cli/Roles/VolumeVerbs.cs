using System.CommandLine;
using System.Globalization;
using Marketplace.Commands.Shell;
using Marketplace.Domain;
using Marketplace.Node;

namespace Marketplace.Cli.Roles;

/// <summary><c>market node volume list|add|drain|resize|remove</c>: the volumes of a node while it runs.</summary>
internal static class VolumeVerbs
{
    private static readonly TimeSpan s_lookAgain = TimeSpan.FromMilliseconds(500);

    public static Command Group() => new VerbGroup("volume", "Add, empty, resize and take away the places where a running node keeps its shards.") { List(), Add(), Drain(), Resize(), Remove() };

    /// <summary>File with the key of a bucket.</summary>
    public static Option<string?> CredentialsOption() =>
        new("--credentials") { Description = "File with the key of a bucket, mode 600, as the AWS tools write it; without it the node's environment has AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.", HelpName = "FILE" };

    /// <summary>Region of a bucket.</summary>
    public static Option<string?> RegionOption() => new("--region") { Description = "Region of a bucket; many services take any.", HelpName = "NAME" };

    private static Verb List()
    {
        Option<string> data = RoleRun.DataOption("node");
        return new Verb("list", "Show the volumes, what they hold and how they are.") { data }
            .Example("node volume list --data /srv/market")
            .Runs(run => AskAsync(run, data, async admin =>
            {
                var list = new VolumeList(await admin.VolumesAsync(run.Cancellation));
                run.Output.Write(list, text => text.Table(
                    [">id", "store", "state", ">capacity", ">used", ">free", ">shards", "trouble"],
                    list.Volumes.Select(volume => (IEnumerable<string?>)
                    [
                        Number(volume.Id), volume.Store, StateOf(volume), ByteSize.Format(volume.CapacityBytes), ByteSize.Format(volume.UsedBytes),
                        ByteSize.Format(volume.FreeBytes), Number(volume.Shards), volume.Trouble,
                    ])));
            }));
    }

    private static Verb Add()
    {
        Option<string> data = RoleRun.DataOption("node");
        Argument<StoreAddress> store = Words.Argument<StoreAddress>("STORE", "files:FOLDER, ipfs:URL of a Kubo RPC, or s3:URL/BUCKET/PREFIX.");
        Option<long> capacity = Words.Size("--capacity", "Bytes that shards may take there, such as 4TiB.");
        capacity.Required = true;
        Option<string?> credentials = CredentialsOption();
        Option<string?> region = RegionOption();
        return new Verb("add", "Add a volume. A disk that was one before comes back with its number and its shards.") { data, store, capacity, credentials, region }
            .Example("node volume add files:/mnt/disk2/market --capacity 4TiB --data /srv/market")
            .Example("node volume add s3:https://s3.example.org/bucket --capacity 8TiB --credentials s3-credentials --data /srv/market")
            .Runs(run => AskAsync(run, data, async admin => Tell(run, await admin.AddVolumeAsync(
                new NewVolume(Rooted(run.Get(store)).ToString(), run.Get(capacity), run.Get(credentials), run.Get(region)), run.Cancellation))));
    }

    private static Verb Drain()
    {
        Option<string> data = RoleRun.DataOption("node");
        Argument<int> id = IdArgument();
        Option<bool> cancel = new("--cancel") { Description = "Let the volume take shards again; what was moved stays where it is." };
        Option<bool> detach = new("--detach") { Description = "Do not wait until it is empty." };
        return new Verb("drain", "Empty a volume into the others and wait until that is done; the node goes on with it if this is interrupted or the node is started again.") { id, data, cancel, detach }
            .Example("node volume drain 1 --data /srv/market")
            .Runs(run => AskAsync(run, data, async admin =>
            {
                VolumeReport volume = await admin.ChangeVolumeAsync(run.Get(id), new VolumeChange(null, Draining: !run.Get(cancel)), run.Cancellation);
                if (!run.Get(cancel) && !run.Get(detach)) volume = await WaitAsync(run, admin, volume);
                Tell(run, volume);
            }));
    }

    private static Verb Resize()
    {
        Option<string> data = RoleRun.DataOption("node");
        Argument<int> id = IdArgument();
        Option<long> capacity = Words.Size("--capacity", "Bytes that shards may take there from now on. With less than lies there, it takes nothing until enough has gone.");
        capacity.Required = true;
        return new Verb("resize", "Give a volume another capacity; the register on chain follows.") { id, data, capacity }
            .Example("node volume resize 1 --capacity 2TiB --data /srv/market")
            .Runs(run => AskAsync(run, data, async admin => Tell(run, await admin.ChangeVolumeAsync(run.Get(id), new VolumeChange(run.Get(capacity), null), run.Cancellation))));
    }

    private static Verb Remove()
    {
        Option<string> data = RoleRun.DataOption("node");
        Argument<int> id = IdArgument();
        Option<bool> force = new("--force") { Description = "Although it holds shards: they cannot be read until the volume is added again. For a disk that is lost." };
        return new Verb("remove", "Take an empty volume away.") { id, data, force }
            .Example("node volume remove 1 --data /srv/market")
            .Runs(run => AskAsync(run, data, async admin =>
            {
                VolumeReport volume = await admin.RemoveVolumeAsync(run.Get(id), run.Get(force), run.Cancellation);
                run.Output.Write(volume, text => text.Line($"Volume {volume.Id} was taken away{(volume.Shards == 0 ? "" : $", with {volume.Shards} shards on it")}."));
            }));
    }

    private static Argument<int> IdArgument() => new("VOLUME") { Description = "The volume's number, as the list shows it." };

    /// <summary>A folder is meant where the command was called, not in the node's.</summary>
    private static StoreAddress Rooted(StoreAddress store) => store is StoreAddress.Files files ? files with { Folder = Path.GetFullPath(files.Folder) } : store;

    private static async Task AskAsync(VerbRun run, Option<string> data, Func<NodeAdmin, Task> ask)
    {
        string dataDir = Path.GetFullPath(run.GetRequired(data));
        _ = NodeConfig.Read(dataDir);
        using NodeAdmin admin = await NodeAdmin.FindAsync(dataDir, run.Cancellation) ?? throw NodeAdmin.NotRunning();
        await ask(admin);
    }

    private static async Task<VolumeReport> WaitAsync(VerbRun run, NodeAdmin admin, VolumeReport volume)
    {
        long all = volume.UsedBytes;
        return await run.Output.WithProgressAsync(async lines =>
        {
            IProgressLine line = lines.Start($"volume {volume.Id}", all);
            while (volume is { State: VolumeState.Draining, Trouble: null })
            {
                await Task.Delay(s_lookAgain, run.Cancellation);
                volume = (await admin.VolumesAsync(run.Cancellation)).FirstOrDefault(one => one.Id == volume.Id)
                    ?? throw new MarketException(MarketErrorCode.NotFound, $"Volume {volume.Id} was taken away meanwhile.");
                line.Report(all - volume.UsedBytes);
            }

            return volume.State == VolumeState.Drained ? volume : throw new MarketException(
                MarketErrorCode.Incomplete, $"Volume {volume.Id} is not empty: {volume.Trouble ?? "it is not drained any more"}", "The node goes on with it once that is mended; drain --cancel lets the volume take shards again.");
        });
    }

    private static void Tell(VerbRun run, VolumeReport volume) => run.Output.Write(volume, text => text.Line(
        $"Volume {volume.Id}, {volume.Store}: {StateOf(volume)}, {ByteSize.Format(volume.UsedBytes)} of {ByteSize.Format(volume.CapacityBytes)} used, {volume.Shards} shards."));

    private static string StateOf(VolumeReport volume) => volume.State switch
    {
        VolumeState.InUse => "in use",
        VolumeState.Draining => "draining",
        VolumeState.Drained => "drained",
        _ => "AWAY",
    };

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
