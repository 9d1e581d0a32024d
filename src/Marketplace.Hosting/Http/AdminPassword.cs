using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Marketplace.Domain;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Marketplace.Hosting.Http;

/// <summary>
/// The password before an operator's pages. Only a hash stays in memory, and the comparison takes the same time whatever is offered.
/// The password itself is long and random, or at least <see cref="CharsMin"/> characters of the operator's own.
/// </summary>
public sealed class AdminPassword
{
    /// <summary>Shorter passwords are refused.</summary>
    public const int CharsMin = 12;

    private const int RandomBytes = 24;
    private const int OfferedCharsMax = 512;

    private readonly byte[] _hash;

    /// <summary>Takes a password.</summary>
    /// <exception cref="MarketException">It is too short.</exception>
    public AdminPassword(string password)
    {
        if (password.Length < CharsMin)
        {
            throw new MarketException(MarketErrorCode.Usage, $"The operator's password is shorter than {CharsMin} characters.", "Choose a longer one, or delete its file and let the host make one.");
        }

        _hash = SHA256.HashData(Encoding.UTF8.GetBytes(password));
    }

    /// <summary>Reads the password from a file, or makes a random one there that only the owner may read.</summary>
    public static AdminPassword FromFile(string path)
    {
        if (File.Exists(path)) return new AdminPassword(File.ReadAllText(path).Trim());
        string password = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(RandomBytes));
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (var writer = new StreamWriter(path, options)) writer.WriteLine(password);
        return new AdminPassword(password);
    }

    /// <summary>Whether the offered password is the right one.</summary>
    public bool Matches(string offered) => CryptographicOperations.FixedTimeEquals(_hash, SHA256.HashData(Encoding.UTF8.GetBytes(offered)));

    /// <summary>Whether a request's <c>Authorization</c> header carries the right password (Basic, RFC 7617; any user name).</summary>
    public bool Allows(HttpRequest request)
    {
        if (!AuthenticationHeaderValue.TryParse(request.Headers.Authorization, out AuthenticationHeaderValue? header) ||
            !string.Equals(header.Scheme, "Basic", StringComparison.OrdinalIgnoreCase) ||
            header.Parameter is not { Length: <= OfferedCharsMax } parameter)
        {
            return false;
        }

        byte[] bytes = new byte[parameter.Length];
        if (!Convert.TryFromBase64String(parameter, bytes, out int written)) return false;
        string pair = Encoding.UTF8.GetString(bytes, 0, written);
        int colon = pair.IndexOf(':', StringComparison.Ordinal);
        return colon >= 0 && Matches(pair[(colon + 1)..]);
    }
}

/// <summary>Puts an <see cref="AdminPassword"/> before paths.</summary>
public static class AdminPasswordExtensions
{
    /// <summary>Requests under <paramref name="prefix"/> need the password; others pass. Stands before what it protects in the pipeline.</summary>
    public static IApplicationBuilder UseAdminPassword(this IApplicationBuilder app, PathString prefix, AdminPassword password) =>
        app.UseWhen(context => context.Request.Path.StartsWithSegments(prefix, StringComparison.OrdinalIgnoreCase), branch => branch.Use((context, next) =>
        {
            if (password.Allows(context.Request)) return next(context);
            context.Response.StatusCode = StatusCodes.Status401Unauthorized;
            context.Response.Headers.WWWAuthenticate = "Basic realm=\"operator\", charset=\"UTF-8\"";
            return Task.CompletedTask;
        }));
}
