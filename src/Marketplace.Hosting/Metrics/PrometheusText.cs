using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Marketplace.Hosting.Metrics;

/// <summary>
/// Collects what <see cref="System.Diagnostics.Metrics"/> measures and writes it in Prometheus' text format 0.0.4.
/// Only the meters of one host's factory, and the runtime's own, are heard, so that several hosts in a process do not mix.
/// </summary>
/// <remarks>Source: "Exposition formats" in the Prometheus documentation. Labels are bounded: see <see cref="SeriesPerInstrumentMax"/>.</remarks>
public sealed class PrometheusText : IDisposable
{
    /// <summary>The answer's content type.</summary>
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    /// <summary>Further combinations of labels of one instrument are counted together, without labels.</summary>
    public const int SeriesPerInstrumentMax = 500;

    private static readonly double[] s_secondsBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

    private readonly Lock _lock = new();
    private readonly MeterListener _listener = new();
    private readonly SortedDictionary<string, Family> _families = new(StringComparer.Ordinal);

    /// <summary>Hears the meters made by <paramref name="meters"/> and those whose names are in <paramref name="sharedMeters"/>.</summary>
    public PrometheusText(IMeterFactory meters, params string[] sharedMeters)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            bool ours = ReferenceEquals(instrument.Meter.Scope, meters) && instrument.Meter.Name.StartsWith("Marketplace", StringComparison.Ordinal);
            if (ours || sharedMeters.Contains(instrument.Meter.Name, StringComparer.Ordinal)) listener.EnableMeasurementEvents(instrument, FamilyOf(instrument));
        };
        _listener.SetMeasurementEventCallback<long>((_, value, tags, state) => Record(state, value, tags));
        _listener.SetMeasurementEventCallback<int>((_, value, tags, state) => Record(state, value, tags));
        _listener.SetMeasurementEventCallback<double>((_, value, tags, state) => Record(state, value, tags));
        _listener.Start();
    }

    /// <summary>Everything measured until now. Observable instruments are asked at once.</summary>
    public string Write()
    {
        lock (_lock)
        {
            foreach (Family family in _families.Values) family.ForgetObserved();
            _listener.RecordObservableInstruments();
            var text = new StringBuilder(4096);
            foreach (Family family in _families.Values) family.Write(text);
            return text.ToString();
        }
    }

    /// <summary>Stops listening.</summary>
    public void Dispose() => _listener.Dispose();

    private Family FamilyOf(Instrument instrument)
    {
        lock (_lock)
        {
            string name = Family.NameOf(instrument);
            if (!_families.TryGetValue(name, out Family? family)) _families.Add(name, family = new Family(name, instrument));
            return family;
        }
    }

    private void Record(object? state, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        lock (_lock) (state as Family)?.Record(value, tags);
    }

    private enum Kind
    {
        Counter,
        Gauge,
        Histogram,
    }

    private sealed class Series
    {
        public double Value;
        public ulong Count;
        public ulong[]? Buckets;
    }

    private sealed class Family
    {
        private readonly string _name;
        private readonly string _help;
        private readonly Kind _kind;
        private readonly bool _observed;
        private readonly bool _absolute;
        private readonly double[] _bounds;
        private readonly SortedDictionary<string, Series> _series = new(StringComparer.Ordinal);

        public Family(string name, Instrument instrument)
        {
            _name = name;
            _help = instrument.Description ?? instrument.Name;
            _kind = KindOf(instrument);
            _observed = instrument.IsObservable;
            _absolute = _observed || GenericName(instrument) == "Gauge`1";
            _bounds = s_secondsBounds;
            if (_kind == Kind.Histogram && instrument is Histogram<double> { Advice.HistogramBucketBoundaries: { Count: > 0 } advised })
            {
                _bounds = [.. advised];
            }
        }

        /// <summary>Dots become underscores; the unit and, for counters, <c>_total</c> follow.</summary>
        public static string NameOf(Instrument instrument)
        {
            var name = new StringBuilder(instrument.Name.Length + 16);
            foreach (char c in instrument.Name) name.Append(char.IsAsciiLetterOrDigit(c) ? c : '_');
            string unit = instrument.Unit switch { "s" => "_seconds", "By" => "_bytes", _ => "" };
            if (unit.Length > 0 && !name.ToString().EndsWith(unit, StringComparison.Ordinal)) name.Append(unit);
            if (KindOf(instrument) == Kind.Counter && !name.ToString().EndsWith("_total", StringComparison.Ordinal)) name.Append("_total");
            return name.ToString();
        }

        public void ForgetObserved()
        {
            if (_observed) _series.Clear();
        }

        public void Record(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            string labels = LabelsOf(tags);
            if (!_series.TryGetValue(labels, out Series? series))
            {
                if (_series.Count >= SeriesPerInstrumentMax) labels = "";
                if (!_series.TryGetValue(labels, out series)) _series.Add(labels, series = new Series());
            }

            if (_kind != Kind.Histogram)
            {
                series.Value = _absolute ? value : series.Value + value;
                return;
            }

            series.Value += value;
            series.Count++;
            series.Buckets ??= new ulong[_bounds.Length];
            for (int i = 0; i < _bounds.Length; i++)
            {
                if (value <= _bounds[i]) series.Buckets[i]++;
            }
        }

        public void Write(StringBuilder text)
        {
            if (_series.Count == 0) return;
            string kind = _kind switch { Kind.Counter => "counter", Kind.Gauge => "gauge", _ => "histogram" };
            text.Append("# HELP ").Append(_name).Append(' ').Append(_help.ReplaceLineEndings(" ").Replace("\\", "\\\\", StringComparison.Ordinal)).Append('\n')
                .Append("# TYPE ").Append(_name).Append(' ').Append(kind).Append('\n');
            foreach ((string labels, Series series) in _series)
            {
                if (_kind != Kind.Histogram)
                {
                    Line(text, "", labels, series.Value);
                    continue;
                }

                for (int i = 0; i < _bounds.Length; i++)
                {
                    Line(text, "_bucket", Join(labels, $"le=\"{Number(_bounds[i])}\""), series.Buckets![i]);
                }

                Line(text, "_bucket", Join(labels, "le=\"+Inf\""), series.Count);
                Line(text, "_sum", labels, series.Value);
                Line(text, "_count", labels, series.Count);
            }
        }

        private static Kind KindOf(Instrument instrument) => GenericName(instrument) switch
        {
            "Counter`1" or "ObservableCounter`1" => Kind.Counter,
            "Histogram`1" => Kind.Histogram,
            _ => Kind.Gauge,
        };

        private static string GenericName(Instrument instrument) => instrument.GetType().Name;

        private static string Join(string labels, string label) => labels.Length == 0 ? label : labels + "," + label;

        private static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);

        private void Line(StringBuilder text, string suffix, string labels, double value)
        {
            text.Append(_name).Append(suffix);
            if (labels.Length > 0) text.Append('{').Append(labels).Append('}');
            text.Append(' ').Append(Number(value)).Append('\n');
        }

        private static string LabelsOf(ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            if (tags.IsEmpty) return "";
            var labels = new StringBuilder();
            foreach ((string key, object? value) in tags)
            {
                if (labels.Length > 0) labels.Append(',');
                foreach (char c in key) labels.Append(char.IsAsciiLetterOrDigit(c) ? c : '_');
                string text = Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
                labels.Append("=\"")
                    .Append(text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).ReplaceLineEndings("\\n"))
                    .Append('"');
            }

            return labels.ToString();
        }
    }
}
