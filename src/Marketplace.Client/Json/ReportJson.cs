using System.Text.Json.Serialization;

namespace Marketplace.Client.Json;

/// <summary>The shapes of all reports, made when this is compiled: a short call does not look for them, and a program of machine code could not.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(BalanceReport))]
[JsonSerializable(typeof(DealsReport))]
[JsonSerializable(typeof(ErrorReport))]
[JsonSerializable(typeof(ExtendReport))]
[JsonSerializable(typeof(GetReport))]
[JsonSerializable(typeof(KeeperDealsReport))]
[JsonSerializable(typeof(KeeperNodesReport))]
[JsonSerializable(typeof(KeeperStamp))]
[JsonSerializable(typeof(ListReport))]
[JsonSerializable(typeof(NodesReport))]
[JsonSerializable(typeof(PutReport))]
[JsonSerializable(typeof(RemoveReport))]
[JsonSerializable(typeof(StatReport))]
[JsonSerializable(typeof(VerifyReport))]
internal sealed partial class ReportJson : JsonSerializerContext;
