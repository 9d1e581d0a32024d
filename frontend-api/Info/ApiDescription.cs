using System.Text.Json.Nodes;
using Marketplace.Domain;
using Marketplace.Hosting;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using Scalar.AspNetCore;

namespace Marketplace.Gateway.Info;

/// <summary>The machine-readable description of the API and its viewer.</summary>
public static class ApiDescription
{
    /// <summary>Where the description is.</summary>
    public const string DocumentPath = "/openapi/v1.json";

    /// <summary>Where the viewer is.</summary>
    public const string ViewerPath = "/docs";

    private const string BearerScheme = "bearer";

    // The viewer's own files are served from here, and the browser is told to fetch nothing from anywhere else.
    private const string ViewerPolicy =
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; " +
        "font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

    /// <summary>How values that JSON writes as text look.</summary>
    private static readonly Dictionary<Type, (string Pattern, string Example)> s_texts = new()
    {
        [typeof(Address)] = ("^0x[0-9a-fA-F]{40}$", "0x742d35Cc6634C0532925a3b844Bc454e4438f44e"),
        [typeof(TokenAmount)] = ("^[0-9]+(\\.[0-9]{1,18})?$", "1.25"),
        [typeof(Redundancy)] = ("^[0-9]+/[0-9]+$", "1/3"),
        [typeof(Hash32)] = ("^0x[0-9a-f]{64}$", "0x" + new string('0', 64)),
        [typeof(Root)] = ("^0x[0-9a-f]{40}$", "0x" + new string('0', 40)),
    };

    private static readonly HashSet<Type> s_numbers = [typeof(NodeId), typeof(PeriodNumber), typeof(BlockNumber)];

    /// <summary>Registers the description.</summary>
    public static IServiceCollection AddApiDescription(this IServiceCollection services)
    {
        services.AddEndpointsApiExplorer();
        return services.AddOpenApi("v1", options =>
        {
            options.AddDocumentTransformer((document, context, _) =>
            {
                document.Info = new OpenApiInfo
                {
                    Title = "Storage market gateway",
                    Version = MarketHost.Version,
                    Description = "Pay for and read files on the storage market over plain HTTP. Sign in with a wallet (EIP-4361), " +
                        "allow the gateway's operator an amount on chain, then PUT and GET.",
                };
                document.Servers = [new OpenApiServer { Url = context.ApplicationServices.GetRequiredService<GatewayAddress>().Origin }];
                document.Components ??= new OpenApiComponents();
                document.Components.SecuritySchemes ??= new Dictionary<string, IOpenApiSecurityScheme>(StringComparer.Ordinal);
                document.Components.SecuritySchemes[BearerScheme] = new OpenApiSecurityScheme
                {
                    Type = SecuritySchemeType.Http,
                    Scheme = BearerScheme,
                    BearerFormat = "JWT",
                    Description = "The token of POST /v1/auth/login, or of `market login URL`.",
                };
                return Task.CompletedTask;
            });
            options.AddOperationTransformer((operation, context, _) =>
            {
                if (context.Description.ActionDescriptor.EndpointMetadata.OfType<IAuthorizeData>().Any())
                {
                    operation.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(BearerScheme, context.Document)] = [] }];
                }

                return Task.CompletedTask;
            });
            options.AddSchemaTransformer((schema, context, _) =>
            {
                Type type = Nullable.GetUnderlyingType(context.JsonTypeInfo.Type) ?? context.JsonTypeInfo.Type;
                if (s_texts.TryGetValue(type, out (string Pattern, string Example) text))
                {
                    schema.Type = JsonSchemaType.String;
                    schema.Pattern = text.Pattern;
                    schema.Examples = [JsonValue.Create(text.Example)];
                }
                else if (s_numbers.Contains(type))
                {
                    schema.Type = JsonSchemaType.Integer;
                    schema.Format = "int64";
                }
                else if (type == typeof(DateTimeOffset))
                {
                    schema.Type = JsonSchemaType.String;
                    schema.Format = "date-time";
                }

                return Task.CompletedTask;
            });
        });
    }

    /// <summary>Maps the description and its viewer.</summary>
    public static void MapApiDescription(this IEndpointRouteBuilder routes)
    {
        routes.MapOpenApi("/openapi/{documentName}.json");
        routes.MapScalarApiReference(ViewerPath, options =>
            {
                options.WithTitle("Storage market gateway").WithOpenApiRoutePattern("/openapi/{documentName}.json").AddDocument("v1")
                    .HideDeveloperTools().DisableAgent().DisableMcp().AddPreferredSecuritySchemes(BearerScheme);
                options.DefaultFonts = false;
                options.Telemetry = false;
                options.HideClientButton = true;
            })
            .AddEndpointFilter(async (context, next) =>
            {
                context.HttpContext.Response.Headers.ContentSecurityPolicy = ViewerPolicy;
                return await next(context);
            });
    }
}
