using Marketplace.Hosting.Http;

namespace Marketplace.Gateway.Errors;

/// <summary>Tells the API's description which failures a call has.</summary>
internal static class FailureMetadata
{
    /// <summary>Adds answers of the failure shape.</summary>
    public static TBuilder ProducesFailures<TBuilder>(this TBuilder builder, params int[] statuses)
        where TBuilder : IEndpointConventionBuilder
    {
        foreach (int status in statuses)
            builder.WithMetadata(new ProducesResponseTypeMetadata(status, typeof(ErrorEnvelope), ["application/json"]));
        return builder;
    }
}
