// Measures the gas of whole transactions on Hardhat's own chain (osaka) and prints it:
//
//   ./scripts/bench.sh gas [--json]
//
// Everything is in its steady state: buckets, balances and buffers were used before. Shards are of 1 GiB: all leaves of one are the same random bytes, so that its tree is one hash a level and
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
  const deadline = (await height()) + L - 2n;
  const message = {
    offer: BigInt(slot) | (BigInt(node) << 8n) | (deadline << 32n) | (hint === NO_HINT ? 0n : (hint + 1n) << 72n),
    root: shard.root, r: zeroPadValue("0x", 32), vs: zeroPadValue("0x", 32),
  };
  const hash = acceptanceHash(who, terms, { slot, node, deadline, root: shard.root });
  const { r, yParityAndS } = hotKey(node).sign(hash);
  return { ...message, r, vs: yParityAndS };
}

const acceptanceType = keccak256(
  new TextEncoder().encode(
    "Acceptance(address client,uint48 number,uint8 slot,uint32 node,bytes20 root,uint64 leaves,uint32 rate,uint32 maxEnd,uint40 deadline,uint96 follows)",
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
      ["bytes32", "address", "uint48", "uint8", "uint32", "bytes20", "uint64", "uint32", "uint32", "uint40", "uint96"],
      [acceptanceType, who, terms.number, a.slot, a.node, a.root, terms.leaves, terms.rate, terms.maxEnd, a.deadline, 0],
    ),
  );
  return keccak256(concat(["0x1901", separator, struct]));
}

async function termsOf(who, n, periods) {
  const number = (numbers.get(who) ?? 0n) + 1n;
  numbers.set(who, number);
  const end = (await currentPeriod()) + 1n + BigInt(periods);
  const terms = { number, rate: RATE, leaves: LEAVES, end, maxEnd: end + 100n, n: BigInt(n), k: 1n, minFilled: BigInt(n) };
  const word = terms.rate | (terms.end << 40n) | (terms.maxEnd << 62n) | (terms.leaves << 84n) | (terms.n << 124n)
    | (terms.k << 132n) | (terms.minFilled << 140n) | (terms.number << 148n);
  return { ...terms, word };
}

async function open(who, members, periods) {
  const terms = await termsOf(who, members.length, periods);
  const all = [];
  for (const [slot, node] of members.entries()) all.push(await acceptance(who, terms, slot, node, shards[(node + slot) % shards.length]));
  const receipt = await invoke(who, "StorageMarket", "openDeal", who, terms.word, all);
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

// The run

const result = {};
await goTo(10n);
for (const who of [client, stranger, ownerA, ownerB]) await fund(who, 50_000_000n * UNIT);

// Ten nodes that were registered, opened to, and proved before.
await register(ownerA);
result.registerNode = gasOf((await register(ownerA)).receipt);
for (let i = 0; i < 8; i++) await register(ownerA);
const ten = Array.from({ length: 10 }, (_, i) => i + 1);
await open(client, ten, 20);
await open(client, ten, 20);
result.openDeal3 = gasOf((await open(client, [1, 2, 3], 20)).receipt);
result.openDeal10 = gasOf((await open(client, ten, 20)).receipt);

// A node of its own per number of slots, all proved once before.
const FAR = 180;
const proofNodes = {};
const counts = [1, 10, 100, 1000, 10000];
for (const count of counts) {
  const { id } = await register(ownerB, 2_000_000n * UNIT);
  proofNodes[count] = id;
  await goTo(await currentPeriod());
  for (let i = 0; i < count; i++) await open(client, [id], FAR - Number(await currentPeriod()));
}
const ledgers = {};
for (const count of counts) ledgers[count] = await ledgerOf(proofNodes[count]);

// Deals to settle: three slots each, over nodes that prove throughout.
const single = [];
const batch = [];
for (let i = 0; i < 2; i++) single.push(await open(client, [1, 2, 3], 4));
for (let i = 0; i < 101; i++) batch.push(await open(client, [1, 2, 3], 4));
const three = {};
for (const node of [1, 2, 3]) three[node] = await ledgerOf(node);

await nextPeriod();
for (const count of counts) await prove(proofNodes[count], ledgers[count]);
for (const node of [1, 2, 3]) await prove(node, three[node]);
const measured = Object.fromEntries(counts.map((count) => [count, []]));
const pinned = [];
for (let round = 0; round < 25; round++) {
  await nextPeriod();
  // The period's first proof pins the seed; each node is the first in its turn.
  const turn = counts[round % counts.length];
  pinned.push(await prove(proofNodes[turn], ledgers[turn]));
  for (const count of counts) if (count !== turn) measured[count].push(await prove(proofNodes[count], ledgers[count]));
  if (round < 3) for (const node of [1, 2, 3]) await prove(node, three[node]);
  if (round === 6) {
    await invoke(stranger, "StorageMarket", "settle", [single[0].id]);
    result.settleDeal = gasOf(await invoke(stranger, "StorageMarket", "settle", [single[1].id]));
    await invoke(stranger, "StorageMarket", "settle", [batch[0].id]);
    const receipt = await invoke(stranger, "StorageMarket", "settle", batch.slice(1).map((deal) => deal.id));
    result.settleDeals100 = Math.round(gasOf(receipt) / 100);
  }
}
for (const count of counts) result[`prove5_slots${count}`] = mean(measured[count].slice(0, 20));
result.pinAndProve5 = mean(pinned);

for (const node of [proofNodes[1], proofNodes[10]]) {
  result.collect = gasOf(await invoke(stranger, "StorageMarket", "collect", node));
  result.mintReward = gasOf(await invoke(stranger, "Bank", "mintReward", [node]));
}

// Faults: nodes that held two slots of three-slot deals and proved before.
const faulty = [];
for (let i = 0; i < 8; i++) faulty.push((await register(ownerB)).id);
const [lost, told, gone, cured, repairer, mate, mate2, asked] = faulty;
await nextPeriod();
const far = 60;
await open(client, [lost, told, gone], far);
await open(client, [cured, mate, asked], far);
const dealA = await open(client, [told, lost, gone], far);
const dealB = await open(client, [cured, mate, asked], far);
const dealC = await open(client, [gone, told, mate2], far);
for (let i = 0; i < 3; i++) await open(client, [repairer, mate2, mate], far);
for (let i = 0; i < 20; i++) await open(client, [gone], far);
const faultyLedgers = {};
for (const node of faulty) faultyLedgers[node] = await ledgerOf(node);
await nextPeriod();
for (const node of faulty) await prove(node, faultyLedgers[node]);

// A question, one before it so that the node's balance and the slot's counter are in use.
for (const who of [ownerA, stranger]) await invoke(who, "StorageMarket", "ask", dealB.id, 2, 12345n);
const opening = shardOfRoot.get((await ledgerOf(asked))[1].root).opening;
await invoke(deployer, "StorageMarket", "answer", dealB.id, 2, ownerA, opening);
result.answerLeaf = gasOf(await invoke(deployer, "StorageMarket", "answer", dealB.id, 2, stranger, opening));

result.declareLoss = gasOf(await invoke(ownerB, "StorageMarket", "declareLoss", dealA.id, 0));

// Two nodes miss three periods in which others prove.
for (let i = 0; i < 3; i++) {
  await nextPeriod();
  for (const node of [mate, repairer]) await prove(node, faultyLedgers[node]);
}
await nextPeriod();
const now = await currentPeriod();
result.evictNode = gasOf(await invoke(stranger, "StorageMarket", "evict", gone, now - 3n, now - 2n, now - 1n));
await invoke(stranger, "StorageMarket", "evict", cured, now - 3n, now - 2n, now - 1n);
await invoke(ownerB, "StorageMarket", "reserve", dealA.id, 0, repairer);
await invoke(ownerB, "StorageMarket", "reserve", dealC.id, 0, repairer);
await nextPeriod();
await prove(repairer, faultyLedgers[repairer]);
for (const [deal, slot, key] of [[dealA, 0, "claimLostSlot"], [dealC, 0, "claimVacantSlot"]]) {
  const proof = await takeoverProof(deal.id, slot, repairer);
  result[key] = gasOf(await invoke(ownerB, "StorageMarket", "claim", deal.id, slot, repairer, NO_HINT, proof));
}
{
  const { proof } = await proofOf(cured, await ledgerOf(cured), 20);
  result.cure = gasOf(await invoke(ownerB, "StorageMarket", "cure", cured, proof));
}

for (const [key, value] of Object.entries(result)) console.error(`${key.padEnd(24)} ${value.toLocaleString("en").padStart(10)}`);
console.log(JSON.stringify(result));
