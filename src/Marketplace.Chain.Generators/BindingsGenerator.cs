using System.Collections.Immutable;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;

namespace Marketplace.Chain.Generators;

/// <summary>
/// Makes typed C# from compiled contracts. Reads each additional file that carries the metadata <c>ContractName</c>; with
/// <c>ContractTypesOnly</c> set, only its structs, events and errors. The project's property <c>ContractsNamespace</c> names the namespace.
/// </summary>
[Generator(LanguageNames.CSharp)]
public sealed class BindingsGenerator : IIncrementalGenerator
{
    private static readonly DiagnosticDescriptor s_unreadable = new(
        "MKT001", "A contract's artifact cannot be read", "{0}: {1}", "Contracts", DiagnosticSeverity.Error, isEnabledByDefault: true);

    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        IncrementalValueProvider<string> targetNamespace = context.AnalyzerConfigOptionsProvider.Select(static (options, _) =>
            options.GlobalOptions.TryGetValue("build_property.ContractsNamespace", out string? name) && name.Length > 0 ? name : "Contracts");
        IncrementalValueProvider<ImmutableArray<Artifact>> artifacts = context.AdditionalTextsProvider
            .Combine(context.AnalyzerConfigOptionsProvider)
            .Select(static (pair, token) => Artifact.From(pair.Left, pair.Right, token))
            .Where(static artifact => artifact is not null)
            .Select(static (artifact, _) => artifact!)
            .Collect();
        context.RegisterSourceOutput(artifacts.Combine(targetNamespace), static (output, pair) => Write(output, pair.Right, pair.Left));
    }

    private static void Write(SourceProductionContext output, string targetNamespace, ImmutableArray<Artifact> artifacts)
    {
        List<AbiContract> contracts = [];
        foreach (Artifact artifact in artifacts)
        {
            try
            {
                if (artifact.Text is null) throw new FormatException("The file is missing: are the contracts compiled?");
                contracts.Add(new AbiContract(artifact.ContractName, artifact.IsTypesOnly, artifact.Text));
            }
            catch (FormatException e)
            {
                output.ReportDiagnostic(Diagnostic.Create(s_unreadable, Location.None, artifact.Path, e.Message));
            }
        }

        BindingsWriter writer = new(targetNamespace, contracts);
        output.AddSource("Contracts.g.cs", SourceText.From(writer.WriteTypes(), Encoding.UTF8));
        foreach (AbiContract contract in contracts.Where(static contract => !contract.IsTypesOnly))
            output.AddSource(contract.Name + "Service.g.cs", SourceText.From(writer.WriteService(contract), Encoding.UTF8));
    }

    /// <summary>One file; equal when its content is, so that nothing is made anew for nothing.</summary>
    private sealed class Artifact : IEquatable<Artifact>
    {
        private Artifact(string path, string contractName, bool isTypesOnly, string? text)
        {
            Path = path;
            ContractName = contractName;
            IsTypesOnly = isTypesOnly;
            Text = text;
        }

        public string Path { get; }

        public string ContractName { get; }

        public bool IsTypesOnly { get; }

        public string? Text { get; }

        public static Artifact? From(AdditionalText file, AnalyzerConfigOptionsProvider provider, CancellationToken token)
        {
            AnalyzerConfigOptions options = provider.GetOptions(file);
            if (!options.TryGetValue("build_metadata.AdditionalFiles.ContractName", out string? name) || name.Length == 0) return null;
            bool isTypesOnly = options.TryGetValue("build_metadata.AdditionalFiles.ContractTypesOnly", out string? only)
                && string.Equals(only, "true", StringComparison.OrdinalIgnoreCase);
            return new Artifact(file.Path, name, isTypesOnly, file.GetText(token)?.ToString());
        }

        public bool Equals(Artifact? other) =>
            other is not null && Path == other.Path && ContractName == other.ContractName && IsTypesOnly == other.IsTypesOnly && Text == other.Text;

        public override bool Equals(object? obj) => Equals(obj as Artifact);

        public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(Path);
    }
}
