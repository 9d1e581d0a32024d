using System.Text.Json;
using Marketplace.Client.Json;
using Marketplace.Domain;

namespace Marketplace.Client.Tests;

public sealed class JsonShapeTests
{
    [Fact]
    public void A_put_report_has_the_fixed_shape()
    {
        var report = new PutReport(
            [new PutObject("фото", ObjectKind.Folder, 3658, 423624704, 1)],
            1,
            2,
            Redundancy.Default,
            DateTimeOffset.Parse("2026-01-31T01:00:00+01:00"),
            TokenAmount.Parse("0.42"),
            null,
            [new PutDeal(7, new SlotCounts(3, 2, 1))],
            12.5);
        Assert.Equal(
            """{"objects":[{"name":"фото","kind":"folder","files":3658,"bytes":423624704,"version":1}],"newBytes":1,"bundleBytes":2,"redundancy":"1/3","until":"2026-01-31T00:00:00Z","price":"0.42","locked":null,"deals":[{"id":7,"slots":{"wanted":3,"filled":2,"failed":1}}],"seconds":12.5}""",
            MarketJson.Write(report));
    }

    [Fact]
    public void What_is_unknown_is_null_and_never_absent()
    {
        var report = new SlotReport(0, SlotState.Vacant, null, null, null, null, null, null);
        Assert.Equal(
            """{"index":0,"state":"vacant","node":null,"root":null,"shardBytes":null,"online":null,"lastProvedPeriod":null,"paid":null}""",
            MarketJson.Write(report));
    }

    [Fact]
    public void A_failure_names_its_code_and_what_is_missing()
    {
        var failure = new MarketException(MarketErrorCode.InsufficientFunds, "0.75 tokens are missing.", "market deposit 0.75")
        {
            Missing = TokenAmount.Parse("0.75"),
        };
        Assert.Equal(
            """{"error":{"code":"insufficientFunds","message":"0.75 tokens are missing.","hint":"market deposit 0.75","missing":"0.75"}}""",
            MarketJson.Write(ErrorReport.Of(failure)));
    }

    [Fact]
    public void An_answer_that_is_less_than_asked_for_says_why_and_a_whole_one_has_no_error()
    {
        var whole = new ListReport([]);
        Assert.Equal("""{"objects":[],"unreadDeals":[]}""", MarketJson.Write(whole));
        ErrorDetail why = ErrorReport.Of(new MarketException(MarketErrorCode.Incomplete, "Deal 4 cannot be read now.", "try again")).Error;
        Assert.Equal(
            """{"objects":[],"unreadDeals":[4],"error":{"code":"incomplete","message":"Deal 4 cannot be read now.","hint":"try again","missing":null}}""",
            MarketJson.Write(whole with { UnreadDeals = [4], Error = why }));
        Assert.Equal(
            """{"name":"a","ok":false,"readable":true,"deep":false,"deals":[],"error":{"code":"incomplete","message":"Deal 4 cannot be read now.","hint":"try again","missing":null}}""",
            MarketJson.Write(new VerifyReport("a", false, true, false, []) { Error = why }));
    }

    [Fact]
    public void Every_code_is_found_by_its_name()
    {
        Assert.All(Enum.GetValues<MarketErrorCode>(), code => Assert.Equal(code, MarketException.CodeOf(MarketException.NameOf(code))));
        Assert.Equal(MarketErrorCode.Failed, MarketException.CodeOf("of a later version"));
    }

    [Theory]
    [InlineData(FaultReason.WrongBytes, "\"wrongBytes\"")]
    [InlineData(FaultReason.Unreachable, "\"unreachable\"")]
    [InlineData(FaultReason.Slow, "\"slow\"")]
    public void Reasons_are_camel_case_words(FaultReason reason, string text) => Assert.Equal(text, MarketJson.Write(reason));

    [Fact]
    public void Enumerations_of_other_programs_are_words_too() => Assert.Equal("\"friday\"", MarketJson.Write(DayOfWeek.Friday));

    [Fact]
    public void A_number_is_not_taken_for_a_word() =>
        Assert.Throws<JsonException>(() => MarketJson.Read<NodeFault>("""{"node":1,"reason":0}"""));

    [Fact]
    public void A_node_list_is_read_back()
    {
        string text = """{"block":123,"blockHash":"0x1111111111111111111111111111111111111111111111111111111111111111","source":"keepers","nodes":[{"id":1,"address":"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed","owner":"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed","url":"https://127.0.0.1:1","fingerprint":"sha256:00","price":"0.01","stake":"100","capacityBytes":1,"usedBytes":1,"freeBytes":1,"online":true,"lastSeenAt":"2026-01-31T00:00:00Z","lastProvedPeriod":41,"earned":"1.2","rewarded":"0.3"}]}""";
        Assert.Equal(text, MarketJson.Write(MarketJson.Read<NodesReport>(text)));
    }

    /// <summary>A program of machine code finds no shape by reflection, and this program would not notice.</summary>
    [Fact]
    public void Every_report_has_a_shape_that_was_compiled()
    {
        Type[] reports = [.. typeof(MarketJson).Assembly.GetTypes().Where(type => type.Name.EndsWith("Report", StringComparison.Ordinal))];
        Assert.Contains(typeof(PutReport), reports);
        Assert.All(reports, report => Assert.NotNull(ReportJson.Default.GetTypeInfo(report)));
    }
}
