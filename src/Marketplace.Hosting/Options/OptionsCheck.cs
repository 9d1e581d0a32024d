using Marketplace.Domain;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Marketplace.Hosting.Options;

/// <summary>Options are checked before a host starts, and every fault is told at once.</summary>
public static class OptionsCheck
{
    /// <summary>Registers options that were read elsewhere, after checking them.</summary>
    /// <exception cref="MarketException">Code <see cref="MarketErrorCode.Usage"/>: names all that is wrong.</exception>
    public static IServiceCollection AddChecked<TOptions, TValidator>(this IServiceCollection services, TOptions options)
        where TOptions : class
        where TValidator : IValidateOptions<TOptions>, new()
    {
        Check<TOptions, TValidator>(options);
        return services.AddSingleton(options).AddSingleton(Microsoft.Extensions.Options.Options.Create(options));
    }

    /// <summary>Checks options.</summary>
    /// <exception cref="MarketException">Code <see cref="MarketErrorCode.Usage"/>: names all that is wrong.</exception>
    public static void Check<TOptions, TValidator>(TOptions options)
        where TOptions : class
        where TValidator : IValidateOptions<TOptions>, new()
    {
        ValidateOptionsResult result = new TValidator().Validate(null, options);
        if (result.Failed) throw new MarketException(MarketErrorCode.Usage, "The settings are wrong: " + string.Join(" ", result.Failures));
    }
}
