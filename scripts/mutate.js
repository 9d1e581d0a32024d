// Plants the faults of tests/contracts/mutations.txt one at a time and tells which of them the tests notice.
// Called by mutate.sh with: FORGE FOLDER-FOR-COPIES RUNS-AT-ONCE SAMPLE SEED, where a sample of 0 is all.
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

const [forge, scratch, atOnce, sampleText, seedText] = process.argv.slice(2);
const repo = path.dirname(import.meta.dirname);
const list = path.join(repo, "tests/contracts/mutations.txt");

function readMutations() {
  const marks = { "#": "why", "@": "file", "-": "from", "+": "to" };
  const blocks = fs.readFileSync(list, "utf8").split("\n\n").slice(1);
  return blocks.map((block, i) => {
    const mutation = { number: i + 1 };
    for (const line of block.trimEnd().split("\n")) mutation[marks[line[0]]] = line.slice(2);
    if (Object.keys(mutation).length !== 5) throw new Error(`${list}: block ${i + 1} is not four lines:\n${block}`);
    const source = fs.readFileSync(path.join(repo, "contracts", mutation.file), "utf8");
    const found = source.split(mutation.from).length - 1;
    if (found !== 1) throw new Error(`${list}: ${mutation.file} holds ${found} times, not once:\n${mutation.from}`);
    return { ...mutation, source };
  });
}

// Steele and Vigna's SplitMix64, so that a seed picks the same faults everywhere.
function* numbers(seed) {
  const mask = (1n << 64n) - 1n;
  for (let state = BigInt(seed); ; ) {
    state = (state + 0x9e3779b97f4a7c15n) & mask;
    let z = state;
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & mask;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & mask;
    yield z ^ (z >> 31n);
  }
}

function pick(all, count, seed) {
  if (count === 0 || count >= all.length) return all;
  const left = [...all];
  const random = numbers(seed);
  const picked = Array.from({ length: count }, () => left.splice(Number(random.next().value % BigInt(left.length)), 1)[0]);
  return picked.sort((a, b) => a.number - b.number);
}

function makeCopy(i) {
  const copy = path.join(scratch, String(i));
  for (const part of ["contracts", "tests/contracts", "docs/formats/chain-words.json", "foundry.toml", "scripts/solc.cjs"]) {
    fs.cpSync(path.join(repo, part), path.join(copy, part), { recursive: true });
  }
  fs.symlinkSync(path.join(repo, "node_modules"), path.join(copy, "node_modules"));
  return copy;
}

function test(copy, ...more) {
  const env = { ...process.env, FOUNDRY_FUZZ_RUNS: "32", FOUNDRY_INVARIANT_RUNS: "4", FOUNDRY_DISABLE_NIGHTLY_WARNING: "1" };
  delete env.MARKET_ARTIFACTS;
  return new Promise((resolve) => {
    const child = spawn(forge, ["test", "--fail-fast", ...more], { cwd: copy, env });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => (output += part));
    child.on("close", (code) => resolve({ passed: code === 0, output }));
  });
}

/** The name of the first test that fails; "" if none does. */
async function killer(copy) {
  // The invariants take longest and are asked last.
  for (const part of ["--no-match-contract", "--match-contract"]) {
    const { passed, output } = await test(copy, part, "Invariants");
    if (passed) continue;
    const compiled = !/Compiler run failed/.test(output);
    if (!compiled) throw new Error(`a fault does not compile:\n${output}`);
    return /\[FAIL[^\n]*\] (\w+)/.exec(output)?.[1] ?? /(invariant_\w+)/.exec(output)?.[1] ?? "a test";
  }
  return "";
}

async function main() {
  const mutations = pick(readMutations(), Number(sampleText), seedText);
  const copies = Array.from({ length: Math.min(Number(atOnce), mutations.length) }, (_, i) => makeCopy(i));
  const sound = await killer(copies[0]);
  if (sound !== "") throw new Error(`${sound} fails without any fault`);

  const survivors = [];
  const queue = [...mutations];
  await Promise.all(
    copies.map(async (copy) => {
      for (let m; (m = queue.shift()); ) {
        const file = path.join(copy, "contracts", m.file);
        fs.writeFileSync(file, m.source.replace(m.from, () => m.to));
        const by = await killer(copy);
        fs.writeFileSync(file, m.source);
        if (by === "") survivors.push(m);
        console.log(`${by === "" ? "SURVIVED" : "killed  "} ${String(m.number).padStart(3)} ${m.file}: ${m.why}${by && ` (${by})`}`);
      }
    }),
  );
  console.log(`${mutations.length - survivors.length} of ${mutations.length} faults killed, seed ${seedText}`);
  process.exitCode = survivors.length === 0 ? 0 : 1;
}

main().catch((error) => {
  console.error(`error: ${error.message}`);
  process.exitCode = 2;
});
