namespace Marketplace.Node;

/// <summary>The operator's page: one document that asks <c>/v1/admin/overview</c> every few seconds. Nothing is loaded from elsewhere.</summary>
internal static class OperatorPage
{
    /// <summary>What the page may do: its own script and style, and questions to where it came from.</summary>
    public const string ContentSecurityPolicy = "default-src 'none'; script-src 'sha256-{0}'; style-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

    /// <summary>The page's script, whose hash the policy names.</summary>
    public const string Script = """
        const $ = (id) => document.getElementById(id);
        const size = (bytes) => { let i = 0; for (; bytes >= 1024 && i < 5; i++) bytes /= 1024; return `${bytes.toFixed(bytes < 10 && i ? 1 : 0)} ${["B", "KiB", "MiB", "GiB", "TiB", "PiB"][i]}`; };
        const tokens = (text) => { const [whole, part = ""] = String(text).split("."); return part ? `${whole}.${whole === "0" ? part.replace(/^(0*\d{3}).*$/, "$1") : part.slice(0, 6)}` : whole; };
        const percent = (share) => share === null ? "–" : `${(100 * share).toFixed(share === 1 ? 0 : share > 0.99 ? 2 : 1)} %`;
        const cell = (row, text, kind) => { const td = row.insertCell(); td.textContent = text; if (kind) td.className = kind; };
        function show(o) {
          const s = o.status;
          $("title").textContent = `Node ${s.id}`;
          const evicted = s.leaving && !s.exit;
          $("state").textContent = evicted ? "evicted" : s.trouble ? "in trouble" : s.leaving ? (s.exit.isDone ? "left" : "leaving") : "running";
          $("state").className = s.trouble || evicted ? "badge bad" : s.leaving ? "badge warn" : "badge good";
          $("exit").hidden = !s.exit;
          if (s.exit) $("exitText").textContent = s.exit.isDone ? "The node has left, and its stake is in its owner's free money." :
            (s.exit.lastPeriod === null ? "Nothing is held any more. " : `${s.exit.shards} shards of ${size(s.exit.bytes)} are still held, the last until period ${s.exit.lastPeriod}. `) +
            `The stake comes free about ${new Date(s.exit.stakeFreeAt).toLocaleString()} (period ${s.exit.stakeFreePeriod}). Keep the node running until then.`;
          $("url").textContent = s.url;
          $("block").textContent = s.block === null ? "–" : `block ${s.block}, period ${s.period}`;
          const used = s.usedBytes ?? 0;
          $("used").textContent = size(used);
          $("space").textContent = `of ${size(s.capacityBytes)} offered`;
          $("bar").max = s.capacityBytes || 1; $("bar").value = used;
          $("allocated").textContent = size(o.allocatedBytes);
          $("free").textContent = size(s.freeBytes ?? 0);
          $("online").textContent = percent(o.onlineShare);
          $("share").textContent = percent(o.provedShare);
          $("proved").textContent = `${s.provedPeriods} in all, the last ${s.lastProvedPeriod ?? "–"}`;
          $("count").textContent = o.proofs.length || 60;
          $("marks").replaceChildren(...o.proofs.map((p) => { const i = document.createElement("i"); i.className = p.proved ? "yes" : "no"; i.title = `period ${p.period}: ${p.proved ? "proved" : "missed"}`; return i; }));
          $("earned").textContent = tokens(o.earnedThisMonth);
          $("expected").textContent = tokens(o.expectedMonth);
          $("before").textContent = tokens(o.earnedLastMonth);
          $("collect").textContent = `${tokens(s.earned)} to collect, ${tokens(s.reward)} of reward`;
          $("stake").textContent = tokens(s.stake);
          $("needed").textContent = tokens(s.stakeNeeded);
          $("rate").textContent = `${tokens(s.ratePerPeriod)} earned a period, price ${tokens(s.price)} for a GiB and 30 days`;
          $("alerts").replaceChildren(...o.alerts.map((a) => { const li = document.createElement("li"); li.className = a.severity; li.textContent = a.text; li.title = a.key; return li; }));
          $("calm").hidden = o.alerts.length > 0;
          const body = $("shards"); body.replaceChildren();
          for (const h of o.shards) { const row = body.insertRow(); cell(row, h.root, "root"); row.cells[0].title = h.root; cell(row, size(h.bytes), "right"); cell(row, `${h.from} – ${h.until - 1}`, "right"); cell(row, tokens(h.ratePerPeriod), "right"); }
          $("none").hidden = o.shards.length > 0;
          $("away").hidden = true;
        }
        async function look() {
          try { const answer = await fetch(location.origin + "/v1/admin/overview"); if (!answer.ok) throw new Error(answer.status); show(await answer.json()); }
          catch { $("away").hidden = false; }
          setTimeout(look, 5000);
        }
        look();
        """;

    /// <summary>The document.</summary>
    public const string Html = """
        <!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Storage node</title>
        <style>
        :root { color-scheme: light dark; --ink: #17202a; --soft: #5b6773; --line: #dfe4ea; --card: #fff; --page: #f4f6f8; --good: #1a7f4b; --warn: #a86200; --bad: #b3261e; --accent: #2456c9; }
        @media (prefers-color-scheme: dark) { :root { --ink: #e6eaef; --soft: #9aa5b1; --line: #2c343d; --card: #1a2028; --page: #11151a; --good: #4cc38a; --warn: #e0a44a; --bad: #ff7b72; --accent: #7aa2ff; } }
        * { box-sizing: border-box; } body { margin: 0; font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); }
        header, main { max-width: 68rem; margin: 0 auto; padding: 1.25rem; } header { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: baseline; }
        h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1rem; margin: 0 0 .75rem; } header span { color: var(--soft); overflow-wrap: anywhere; } nav { margin-left: auto; } nav a { color: var(--accent); margin-left: .75rem; }
        .badge { border-radius: 1rem; padding: 0 .7rem; color: #fff !important; font-size: .85rem; } .good { background: #1a7f4b; } .warn { background: #a86200; } .bad { background: #b3261e; }
        .cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(14.5rem, 1fr)); gap: 1rem; margin-bottom: 1rem; }
        section, .card { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem 1.1rem; margin-bottom: 1rem; } .cards .card { margin: 0; }
        .card h2 { font-size: .85rem; font-weight: 400; color: var(--soft); margin: 0; } dl { display: grid; grid-template-columns: 1fr auto; gap: .1rem .75rem; margin: .6rem 0 0; padding-top: .5rem; border-top: 1px solid var(--line); font-size: .9rem; } dt { color: var(--soft); } dd { margin: 0; text-align: right; font-variant-numeric: tabular-nums; } p { margin: 0; }
        .card b { display: block; font-size: 1.6rem; font-variant-numeric: tabular-nums; } .card small { color: var(--soft); display: block; }
        progress { width: 100%; height: .5rem; accent-color: var(--accent); } #marks { display: flex; flex-wrap: wrap; gap: 2px; margin: .3rem 0; } #marks i { width: .55rem; height: .9rem; border-radius: 2px; } .yes { background: var(--good); } .no { background: var(--bad); }
        ul { margin: 0; padding-left: 1.2rem; } li.failed { color: var(--bad); } li.warning { color: var(--warn); } .calm { color: var(--good); margin: 0; }
        .scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; } th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; } .right { text-align: right; } .root { font-family: ui-monospace, monospace; font-size: .85rem; }
        @media (max-width: 40rem) { .root { max-width: 9rem; overflow: hidden; text-overflow: ellipsis; } th, td { padding: .35rem .3rem; } }
        #away { background: #b3261e; color: #fff; padding: .5rem 1rem; text-align: center; }
        </style></head><body>
        <div id="away" hidden role="alert">The node does not answer. What is shown is old.</div>
        <header><h1 id="title">Storage node</h1><span id="state" class="badge">…</span><span id="url"></span><span id="block"></span><nav><a href="/hangfire">Jobs</a> <a href="/metrics">Metrics</a></nav></header>
        <main>
        <div class="cards">
        <div class="card"><h2>Space used</h2><b id="used">–</b><progress id="bar" max="1" value="0" aria-label="Space used"></progress><small id="space"></small><dl><dt>Paid for</dt><dd id="allocated">–</dd><dt>Free</dt><dd id="free">–</dd></dl></div>
        <div class="card"><h2>Periods proved, of the last <span id="count">60</span></h2><b id="share">–</b><div id="marks"></div><small id="proved"></small><dl><dt>Online, 30 days</dt><dd id="online">–</dd></dl></div>
        <div class="card"><h2>Earned this month, tokens</h2><b id="earned">–</b><small id="collect"></small><dl><dt>Expected in 30 days</dt><dd id="expected">–</dd><dt>Last month</dt><dd id="before">–</dd></dl></div>
        <div class="card"><h2>Stake, tokens</h2><b id="stake">–</b><small id="rate"></small><dl><dt>Needed for what is held</dt><dd id="needed">–</dd></dl></div>
        </div>
        <section id="exit" hidden><h2>Leaving</h2><p id="exitText"></p></section>
        <section><h2>Alerts</h2><ul id="alerts"></ul><p id="calm" class="calm" hidden>Nothing needs you.</p></section>
        <section><h2>Shards that are paid for</h2><div class="scroll"><table><thead><tr><th>Root</th><th class="right">Size</th><th class="right">Periods</th><th class="right">Tokens a period</th></tr></thead><tbody id="shards"></tbody></table></div><p id="none" hidden>None yet.</p></section>
        </main><script>@SCRIPT</script></body></html>
        """;
}
