// Recomputes the tables of docs/economics.md from the constants in the contracts and in deploy.js, checks the inequalities
// that the page states, and fails if the page says anything else. With --write it writes the tables.
import fs from "node:fs";
import path from "node:path";

const repo = path.dirname(import.meta.dirname);
const page = path.join(repo, "docs/economics.md");
const read = (file) => fs.readFileSync(path.join(repo, file), "utf8");

/** A constant of a contract, or a default of deploy.js, by a pattern with one group. */
function constant(file, pattern) {
  const found = pattern.exec(read(file));
  if (!found) throw new Error(`${file} has nothing like ${pattern}`);
  return Number(found[1].replaceAll("_", ""));
}
const setting = (name) => constant("scripts/deploy.js", new RegExp(`"${name}", "?([\\d._]+)`));

const challenges = constant("contracts/Ledgers.sol", /CHALLENGES = (\d+);/);
const cureChallenges = constant("contracts/Faults.sol", /CURE_CHALLENGES = (\d+) \* CHALLENGES/) * challenges;
const finePeriods = constant("contracts/Ledgers.sol", /LONGEST_FINE = (\d+);/);
const strikes = constant("contracts/Faults.sol", /STRIKES = (\d+);/);
const cureDivisor = constant("contracts/Faults.sol", /CURE_COST_DIVISOR = (\d+);/);
const reservePeriods = constant("contracts/Custody.sol", /RESERVE_PERIODS = (\d+);/);
const bondPeriods = constant("contracts/Custody.sol", /BOND_PERIODS = (\d+);/);
const stakePeriods = setting("MARKET_STAKE_PERIODS");
const fee = setting("MARKET_FEE_BPS") / 10_000;
const lambda = setting("MARKET_LAMBDA_BPS") / 10_000;
const cap = setting("MARKET_TOKEN_CAP");
const genesis = setting("MARKET_TOKEN_GENESIS");

const failures = [];
const check = (holds, what) => holds || failures.push(what);
const percent = (x, digits = 1) => `${(100 * x).toFixed(digits)} %`;
const whole = (x) => Math.round(x).toLocaleString("en-US");
const table = (head, rows) =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n").replaceAll("| --- |", "|---|").replaceAll(" --- |", "---|");

/** Chance that one of a proof's draws falls on a share of the node's pay. */
const drawn = (share) => 1 - (1 - share) ** challenges;

const tables = {
  emission() {
    const stretch = (cap - genesis) / 2;
    const rows = [];
    let sum = genesis;
    for (let k = 0; k < 6; ++k) {
      sum += stretch / 2 ** k;
      rows.push([String(k + 1), whole(stretch / 2 ** k), whole(sum), percent(sum / cap)]);
    }
    // Integers are shifted, so every stretch emits at most this.
    check(genesis + 2 * stretch <= cap, "all stretches together stay within the cap");
    return table(["stretch of two years", "emitted at most, tokens", "supply at most", "of the cap"], rows);
  },

  selfDealing() {
    const rows = [1, 1000, 1_000_000].map((pay) => {
      const burned = fee * pay;
      const back = lambda * burned;
      check(back < burned, `who pays ${pay} to itself loses`);
      return [whole(pay), String(+burned.toFixed(3)), String(+back.toFixed(4)), String(+(burned - back).toFixed(4))];
    });
    return table(["paid to oneself", "burned", "comes back as reward, at most", "lost"], rows);
  },

  hiding() {
    const rows = [0.001, 0.01, 0.1, 0.5, 1].map((share) => {
      const hit = drawn(share);
      // Each period not hit earns the lost shard's pay; the hit costs the pay of everything, and the fine is the same.
      const gain = ((1 - hit) / hit) * share;
      check(gain < 1, `hiding until hit loses at a share of ${share}`);
      check(hit * 1 >= share, "a period's expected loss is at least what the lost shard earns");
      return [percent(share), percent(hit, 2), (hit / share).toFixed(2), (1 / hit).toFixed(1), gain.toFixed(3), (1 - gain).toFixed(3)];
    });
    return table(
      ["lost, share of pay", "drawn in a period", "expected pay lost by hiding, times what the shard earns", "periods until hit", "earned by hiding until then", "lost by hiding until hit"],
      rows,
    );
  },

  dilution() {
    const rows = [1, 0.5, 0.2, 0.1, 0.01].map((share) => [
      percent(share),
      percent(1 - share),
      percent(drawn(share), 2),
      percent(drawn(share) ** strikes, 2),
    ]);
    return table(["honest pay, share", "own garbage, share", "periods failed", `${strikes} in a row`], rows);
  },

  faults() {
    const half = (x) => String(+x.toFixed(1));
    const told = finePeriods;
    const convicted = 2 * finePeriods;
    check(convicted <= stakePeriods, "the stake covers a conviction");
    check(told / 2 > 0 && convicted / 2 > told / 2, "the client gets more from who hid than from who told");
    const missed = strikes + 2;
    const cure = stakePeriods / cureDivisor;
    return table(
      ["fault", "costs, periods of pay", "to the client", "to the refill", "to others"],
      [
        ["told loss of a slot", half(told), half(told / 2), half(told / 2), "–"],
        ["convicted loss of a slot", half(convicted), half(convicted / 2), half(told / 2), `${half(told / 2)} to the asker`],
        ["eviction, each slot", half(stakePeriods), half(stakePeriods / 2), half(stakePeriods / 2), "the report bounty, from the stake"],
        [`cure with ${cureChallenges} leaves`, half(cure), "–", "–", `burned; ${missed} periods of pay are missed besides`],
      ],
    );
  },

  squatting() {
    let cost = 0;
    const rows = [];
    for (let j = 1; j <= 8; ++j) {
      cost += bondPeriods * 2 ** (j - 1);
      check(cost === bondPeriods * (2 ** j - 1), "the sum of the bonds");
      if (j <= 4 || j === 8) rows.push([String(j), String(bondPeriods * 2 ** (j - 1)), String(cost), String((reservePeriods + 1) * j)]);
    }
    return table(["reservations that lapsed", "last bond, periods of pay", "all bonds", "periods that the slot was blocked"], rows);
  },
};

let text = fs.readFileSync(page, "utf8");
for (const [name, make] of Object.entries(tables)) {
  const made = make();
  const pattern = new RegExp(`(<!-- ${name} -->)([\\s\\S]*?)(<!-- /${name} -->)`);
  const found = pattern.exec(text);
  if (!found) failures.push(`the page has no place for the table ${name}`);
  else if (process.argv.includes("--write")) text = text.replace(pattern, (_, before, __, after) => `${before}\n${made}\n${after}`);
  else check(found[2].trim() === made, `the table ${name} is not what the constants come to; run: node scripts/economics.js --write`);
}
if (process.argv.includes("--write")) fs.writeFileSync(page, text);
for (const failure of failures) console.error(`error: docs/economics.md: ${failure}`);
if (failures.length === 0) console.log(`docs/economics.md: ${Object.keys(tables).length} tables hold`);
process.exitCode = failures.length === 0 ? 0 : 1;
