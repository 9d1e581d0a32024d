// Measures the gas of whole transactions on Hardhat's own chain (osaka) and prints it:
//
//   ./scripts/bench.sh gas [--json]
//
// Everything is in its steady state: buckets, balances and buffers were used before. The keys are those of the table in
// docs/gas.md. Shards are of 1 GiB: all leaves of one are the same random bytes, so that its tree is one hash a level and
// every path has the bytes, and so the gas, of any other.
import hre from "hardhat";
import { AbiCoder, concat, getBytes, getCreateAddress, hexlify, Interface, keccak256, randomBytes, SigningKey, computeAddress, toBeHex, zeroPadValue } from "ethers";

const UNIT = 10n ** 9n;
const L = 7200n;
const D = 64n;
const LEAVES = 1n << 22n;
const DEPTH = 22;
const NO_HINT = (1n << 64n) - 1n;
const coder = AbiCoder.defaultAbiCoder();

const { provider } = await hre.network.create();
const ask = (method, ...params) => provider.request({ method, params });
const accounts = await ask("eth_accounts");
const [deployer, client, stranger, ownerA, ownerB] = accounts;

// Contracts

async function artifact(name) {
  return hre.artifacts.readArtifact(name);
}

async function send(from, to, data, gas) {
  const hash = await ask("eth_sendTransaction", { from, to, data, gas: toQuantity(gas ?? 16_000_000n) });
  const receipt = await ask("eth_getTransactionReceipt", hash);
  if (receipt.status !== "0x1") throw new Error(`reverted: ${data.slice(0, 10)} to ${to}`);
  return receipt;
}

const toQuantity = (n) => "0x" + BigInt(n).toString(16);
const gasOf = (receipt) => Number(BigInt(receipt.gasUsed));

const order = ["Token", "Escrow", "NodeRegistry", "Custody", "Faults", "StorageMarket", "Bank", "MarketLens"];
const nonce = Number(BigInt(await ask("eth_getTransactionCount", deployer, "latest")));
const at = Object.fromEntries(order.map((name, i) => [name, getCreateAddress({ from: deployer, nonce: nonce + i })]));
const market = {
  periodBlocks: L, seedDelay: D, blockSeconds: 1, escrow: at.Escrow, registry: at.NodeRegistry, bank: at.Bank,
  feeBps: 500, stakePeriods: 30, reportBounty: UNIT / 10n, askBond: UNIT / 10n, dealFeeMin: 1,
};
const parameters = {
  Token: ["Storage Market Token", "STORE", 10n ** 27n, 4n * 10n ** 26n, deployer, at.Bank],
  Escrow: [at.Token, at.StorageMarket, at.NodeRegistry, at.Bank],
  NodeRegistry: [at.Escrow, at.StorageMarket, 10n * UNIT],
  Custody: [market],
  Faults: [market, at.Custody],
  StorageMarket: [market, at.Faults],
  Bank: [at.Token, at.Escrow, at.StorageMarket, at.NodeRegistry, 95n * UNIT, 3_000_000, 5000],
  MarketLens: [at.StorageMarket],
};
for (const name of order) {
  const { abi, bytecode } = await artifact(name);
  await send(deployer, undefined, concat([bytecode, Interface.from(abi).encodeDeploy(parameters[name])]));
}
const abis = Object.fromEntries(
  await Promise.all(
    order.filter((name) => name !== "Custody" && name !== "Faults")
      .map(async (name) => [name, Interface.from((await artifact(`I${name}`)).abi)]),
  ),
);

const call = (contract, method, ...values) => send0(contract, method, values);
async function send0(contract, method, values) {
  const data = abis[contract].encodeFunctionData(method, values);
  const answer = await ask("eth_call", { to: at[contract], data }, "latest");
  return abis[contract].decodeFunctionResult(method, answer);
}
const invoke = (from, contract, method, ...values) =>
  send(from, at[contract], abis[contract].encodeFunctionData(method, values));

// Time

async function height() {
  return BigInt(await ask("eth_blockNumber"));
}

/** The next transaction lies in this period; at the block before it the seed is known already. */
async function goTo(period) {
  const next = period * L + D + 2n;
  const mined = next - 1n - (await height());
  // Blocks that are passed over at once have no hashes worth the name, so those around the seed are made one by one.
  const single = mined < 4n ? mined : 4n;
  if (mined > single) await ask("hardhat_mine", toQuantity(mined - single));
  for (let i = 0n; i < single; i++) await ask("evm_mine");
}
const currentPeriod = async () => ((await height()) + 1n) / L;
const nextPeriod = async () => goTo((await currentPeriod()) + 1n);

// Participants

async function fund(who, units) {
  await invoke(deployer, "Token", "transfer", who, units * UNIT);
  await invoke(who, "Token", "approve", at.Escrow, units * UNIT);
  await invoke(who, "Escrow", "deposit", units * UNIT);
}

const hotKey = (i) => new SigningKey(keccak256(coder.encode(["string", "uint256"], ["hot", i])));
let nodes = 0;
async function register(owner, stake = 100_000n * UNIT) {
  nodes += 1;
  const receipt = await invoke(
    owner, "NodeRegistry", "register", computeAddress(hotKey(nodes)), stake, 10n ** 7n, 1024,
    hexlify(randomBytes(32)), "https://node17.example.net:8443",
  );
  return { id: nodes, receipt };
}

// Shards

const h20 = (...parts) => keccak256(concat(parts)).slice(0, 42);

/** A shard of 2^DEPTH equal leaves. */
function shardOf(seed) {
  const leaf = concat(Array.from({ length: 8 }, (_, i) => keccak256(coder.encode(["uint256", "uint256"], [seed, i]))));
  const siblings = [];
  let hash = h20(leaf, "0x00");
  for (let level = 0; level < DEPTH; level++) {
    siblings.push(hash);
    hash = h20(hash, hash, "0x01");
  }
  return { leaf, opening: concat([leaf, ...siblings]), root: h20(hash, toBeHex(LEAVES, 8), "0x02") };
}
const shards = Array.from({ length: 16 }, (_, i) => shardOf(i));
const shardOfRoot = new Map(shards.map((s) => [s.root, s]));

// Deals

const numbers = new Map();
const RATE = 4096n;
async function acceptance(who, terms, slot, node, shard, hint = NO_HINT) {
  const message = {
    slot, node, deadline: (await height()) + L - 2n, hint, root: shard.root, r: zeroPadValue("0x", 32), vs: zeroPadValue("0x", 32),
  };
  const hash = acceptanceHash(who, terms, message);
  const { r, yParityAndS } = hotKey(node).sign(hash);
  return { ...message, r, vs: yParityAndS };
}

const acceptanceType = keccak256(
  new TextEncoder().encode(
    "Acceptance(address client,uint48 number,uint8 slot,uint32 node,bytes20 root,uint64 leaves,uint32 rate,uint32 maxEnd,uint40 deadline)",
  ),
);
const text = (value) => keccak256(new TextEncoder().encode(value));
const separator = keccak256(
  coder.encode(
    ["bytes32", "bytes32", "bytes32", "uint256", "address"],
    [
      text("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
      text("StorageMarket"), text("1"), 31337, at.StorageMarket,
    ],
  ),
);
function acceptanceHash(who, terms, a) {
  const struct = keccak256(
    coder.encode(
      ["bytes32", "address", "uint48", "uint8", "uint32", "bytes20", "uint64", "uint32", "uint32", "uint40"],
      [acceptanceType, who, terms.number, a.slot, a.node, a.root, terms.leaves, terms.rate, terms.maxEnd, a.deadline],
    ),
  );
  return keccak256(concat(["0x1901", separator, struct]));
}

async function termsOf(who, n, periods) {
  const number = (numbers.get(who) ?? 0n) + 1n;
  numbers.set(who, number);
  const end = (await currentPeriod()) + 1n + BigInt(periods);
  return { number, rate: RATE, leaves: LEAVES, end, maxEnd: end + 100n, n, k: 1, minFilled: n };
}

async function open(who, members, periods) {
  const terms = await termsOf(who, members.length, periods);
  const all = [];
  for (const [slot, node] of members.entries()) all.push(await acceptance(who, terms, slot, node, shards[(node + slot) % shards.length]));
  const receipt = await invoke(who, "StorageMarket", "openDeal", who, terms, all);
  return { id: (BigInt(who) << 96n) | terms.number, terms, receipt };
}

// Proofs

const domain = zeroPadRight(hexlify(new TextEncoder().encode("storage-market challenge v1")));
function zeroPadRight(hex) {
  return hex + "0".repeat(66 - hex.length);
}

async function ledgerOf(node) {
  const entries = [];
  let cursor = 0n;
  for (;;) {
    const [page, next] = await call("MarketLens", "ledger", node, cursor, 200);
    if (page.length === 0) return entries;
    entries.push(...page.map((e) => ({ start: e.start, length: e.length, root: e.root, leaves: e.leaves, from: e.from, until: e.until })));
    cursor = next;
  }
}

async function proofOf(node, ledger, count = 5) {
  const [duty] = await call("MarketLens", "duty", node);
  const base = keccak256(
    concat([domain, toBeHex(31337, 32), at.StorageMarket, toBeHex(node, 4), toBeHex(duty.period, 4), zeroPadRight(duty.seed)]),
  );
  const parts = [];
  for (let t = 0, live = 0; live < count; t++) {
    const draw = BigInt(keccak256(concat([base, toBeHex(t, 2)])));
    const position = ((draw >> 128n) * duty.frozenLength) >> 128n;
    let low = 0, high = ledger.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (ledger[middle].start <= position) low = middle;
      else high = middle - 1;
    }
    const entry = ledger[low];
    if (entry.from > duty.period || duty.period >= entry.until) throw new Error("the bench has no dead ranges");
    parts.push(toBeHex(entry.start, 5), shardOfRoot.get(entry.root).opening);
    live += 1;
  }
  return { period: duty.period, proof: concat(parts) };
}

async function prove(node, ledger) {
  const { period, proof } = await proofOf(node, ledger);
  return gasOf(await invoke(stranger, "StorageMarket", "prove", node, period, proof));
}

/** The proof with which a node takes over a slot. */
async function takeoverProof(deal, slot, node) {
  // All leaves are alike, so it does not matter which are drawn.
  const [view] = await call("MarketLens", "deal", deal);
  return concat(Array.from({ length: 5 }, () => shardOfRoot.get(view.slots[slot].root).opening));
}

const mean = (values) => Math.round(values.reduce((a, b) => a + b, 0) / values.length);


async function profile(hash, label) {
  const trace = await ask("debug_traceTransaction", hash, { disableStorage: true, disableMemory: true, disableStack: true });
  const logs = trace.structLogs;
  const by = new Map(); let total = 0;
  for (let i = 0; i < logs.length; i++) {
    const l = logs[i];
    let cost = l.gasCost;
    const next = logs[i + 1];
    if (next && next.depth === l.depth) cost = l.gas - next.gas;
    else if (next && next.depth > l.depth) { // call: own cost = without callee
      let j = i + 1; while (j < logs.length && logs[j].depth > l.depth) j++;
      const inner = logs[i+1].gas - (logs[j-1].gas - logs[j-1].gasCost);
      cost = l.gas - logs[j].gas - inner;
    }
    const key = l.depth + " " + l.op;
    const e = by.get(key) ?? [0, 0]; e[0] += cost; e[1]++; by.set(key, e); total += cost;
  }
  console.error("== " + label + " execution " + total);
  const depth = {};
  for (const [k, [c]] of by) { const d = k.split(" ")[0]; depth[d] = (depth[d] ?? 0) + c; }
  console.error(depth);
  for (const [k, [c, n]] of [...by].sort((a, b) => b[1][0] - a[1][0]).slice(0, 26)) console.error(k.padEnd(20), String(c).padStart(8), String(n).padStart(6));
}
await goTo(10n);
for (const who of [client, stranger, ownerA, ownerB]) await fund(who, 50_000_000n * UNIT);
for (let i = 0; i < 10; i++) await register(ownerA);
const ten = Array.from({ length: 10 }, (_, i) => i + 1);
await open(client, ten, 20);
await open(client, ten, 20);
let o = await open(client, [1, 2, 3], 20);
console.error("open3", gasOf(o.receipt)); await profile(o.receipt.transactionHash, "open3");
o = await open(client, ten, 20);
console.error("open10", gasOf(o.receipt)); await profile(o.receipt.transactionHash, "open10");

const batch=[]; for (let i=0;i<22;i++) batch.push(await open(client,[1,2,3],4));
const three = {};
for (const node of [1, 2, 3]) three[node] = await ledgerOf(node);
for (let r=0;r<4;r++){ await nextPeriod(); for (const node of [1,2,3]) await prove(node, three[node]); }
await nextPeriod();
await invoke(stranger, "StorageMarket", "settle", [batch[0].id]);
const st = await invoke(stranger, "StorageMarket", "settle", [batch[1].id]);
console.error("settle", gasOf(st)); await profile(st.transactionHash, "settle");
const b2 = await invoke(stranger, "StorageMarket", "settle", batch.slice(2).map((d)=>d.id));
console.error("batch20", gasOf(b2)/20); await profile(b2.transactionHash, "batch");
await invoke(stranger, "Bank", "mintReward", [1]);
const mt = await invoke(stranger, "Bank", "mintReward", [2]);
console.error("mint", gasOf(mt)); await profile(mt.transactionHash, "mint");
