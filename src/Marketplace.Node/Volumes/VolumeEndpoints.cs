using Marketplace.Hosting.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Marketplace.Node;

/// <summary>Volumes on the operator's port: <c>/v1/admin/volumes</c>.</summary>
internal sealed class VolumeEndpoints(NodeVolumes volumes)
{
    /// <summary>Where they are.</summary>
    public const string Path = "/v1/admin/volumes";

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet(Path, () => Results.Json(new VolumeList(volumes.List()), HostJson.Options));
        routes.MapPost(Path, async (NewVolume asked, CancellationToken token) => Results.Json(await volumes.AddAsync(asked, token), HostJson.Options));
        routes.MapPatch(Path + "/{id:int}", async (int id, VolumeChange change, CancellationToken token) => Results.Json(await volumes.ChangeAsync(id, change, token), HostJson.Options));
        routes.MapDelete(Path + "/{id:int}", async (int id, bool? force, CancellationToken token) => Results.Json(await volumes.RemoveAsync(id, force == true, token), HostJson.Options));
    }
}
