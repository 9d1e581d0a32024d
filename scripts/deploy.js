// Deploys the market and writes deployments/CHAINID.json: { "Token": "0x…", … }.
//
//   npx hardhat run scripts/deploy.js --network localhost
//
// The contracts name each other and cannot be changed afterwards, so their addresses are computed from the deployer's
// nonces before the first one exists, and checked when all do. Parameters come from the environment; see `settings`.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { AbiCoder, concat, getCreateAddress, Interface, JsonRpcProvider, parseUnits, Wallet } from "ethers";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const unitsPerToken = 10n ** 9n;
const secondsPerYear = 365 * 24 * 3600;

function setting(name, fallback) {
  const text = process.env[name];
  return text === undefined || text === "" ? fallback : text;
}

const whole = (name, fallback) => {
  const value = Number(setting(name, fallback));
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${name} must be a whole number`);
  return value;
};

const tokens = (name, fallback) => parseUnits(setting(name, fallback), 18);

function settings() {
  const periodBlocks = whole("MARKET_PERIOD_BLOCKS", 20);
  const blockSeconds = whole("MARKET_BLOCK_SECONDS", 1);
  const cap = tokens("MARKET_TOKEN_CAP", "1000000000");
  const genesis = tokens("MARKET_TOKEN_GENESIS", "400000000");
  // The emission halves every two years unless told otherwise.
  const halvingPeriods = whole(
    "MARKET_HALVING_PERIODS",
    Math.max(1, Math.round((2 * secondsPerYear) / (periodBlocks * blockSeconds))),
  );
  // All that is left of the cap: the first stretch is half of it.
  const firstEmission = (cap - genesis) / unitsPerToken / (2n * BigInt(halvingPeriods));
  return {
    periodBlocks,
    blockSeconds,
    seedDelay: whole("MARKET_SEED_DELAY", 2),
    cap,
    genesis,
    halvingPeriods,
    firstEmission,
    treasury: setting("MARKET_TREASURY", null),
    feeBps: whole("MARKET_FEE_BPS", 500),
    lambdaBps: whole("MARKET_LAMBDA_BPS", 5000),
    stakePeriods: whole("MARKET_STAKE_PERIODS", 30),
    stakeMin: tokens("MARKET_STAKE_MIN", "10") / unitsPerToken,
    // About twice the gas of what they pay for; the network's price of gas decides, so they are settings.
    reportBounty: tokens("MARKET_REPORT_BOUNTY", "0.1") / unitsPerToken,
    askBond: tokens("MARKET_ASK_BOND", "0.1") / unitsPerToken,
    dealFeeMin: tokens("MARKET_DEAL_FEE_MIN", "0.000000001") / unitsPerToken,
  };
}

async function artifact(name) {
  const file = path.join(root, "artifacts", "contracts", `${name}.sol`, `${name}.json`);
  return JSON.parse(await readFile(file, "utf8"));
}

/** Who deploys: the key in MARKET_DEPLOYER_KEY, else the chain's own first account. */
async function deployerOf(provider) {
  const key = setting("MARKET_DEPLOYER_KEY", null);
  return key === null ? await provider.getSigner(0) : new Wallet(key, provider);
}

async function main() {
  const url = setting("MARKET_RPC_URL", "http://127.0.0.1:8545");
  const provider = new JsonRpcProvider(url, undefined, { staticNetwork: true, cacheTimeout: -1, pollingInterval: 50 });
  const { chainId } = await provider.getNetwork();
  const deployer = await deployerOf(provider);
  const from = await deployer.getAddress();
  const s = settings();

  const order = ["Token", "Escrow", "NodeRegistry", "Custody", "Faults", "StorageMarket", "Bank", "MarketLens"];
  const nonce = await provider.getTransactionCount(from, "pending");
  const at = Object.fromEntries(order.map((name, i) => [name, getCreateAddress({ from, nonce: nonce + i })]));
  const market = {
    periodBlocks: s.periodBlocks,
    seedDelay: s.seedDelay,
    blockSeconds: s.blockSeconds,
    escrow: at.Escrow,
    registry: at.NodeRegistry,
    bank: at.Bank,
    feeBps: s.feeBps,
    stakePeriods: s.stakePeriods,
    reportBounty: s.reportBounty,
    askBond: s.askBond,
    dealFeeMin: s.dealFeeMin,
  };
  const args = {
    Token: ["Storage Market Token", "STORE", s.cap, s.genesis, s.treasury ?? from, at.Bank],
    Escrow: [at.Token, at.StorageMarket, at.NodeRegistry, at.Bank],
    NodeRegistry: [at.Escrow, at.StorageMarket, s.stakeMin],
    Custody: [market],
    Faults: [market, at.Custody],
    StorageMarket: [market, at.Faults],
    Bank: [at.Token, at.Escrow, at.StorageMarket, at.NodeRegistry, s.firstEmission, s.halvingPeriods, s.lambdaBps],
    MarketLens: [at.StorageMarket],
  };

  // All are sent before any is waited for; a constructor that reads another contract stands behind it. Gas cannot be
  // estimated against contracts that are still to come, so each limit is bytes of code and some room.
  const sent = [];
  for (const [i, name] of order.entries()) {
    const { abi, bytecode } = await artifact(name);
    const data = concat([bytecode, Interface.from(abi).encodeDeploy(args[name])]);
    const gasLimit = BigInt(data.length / 2) * 260n + 1_500_000n;
    sent.push(await deployer.sendTransaction({ data, nonce: nonce + i, gasLimit }));
  }
  for (const [i, transaction] of sent.entries()) {
    const receipt = await transaction.wait();
    if (receipt.contractAddress !== at[order[i]]) {
      throw new Error(`${order[i]} came to lie at ${receipt.contractAddress}, not at ${at[order[i]]}: was the account used meanwhile?`);
    }
  }
  await check(provider, at);

  const folder = path.resolve(setting("MARKET_DEPLOYMENTS", path.join(root, "deployments")));
  await mkdir(folder, { recursive: true });
  const file = path.join(folder, `${chainId}.json`);
  await writeFile(file, `${JSON.stringify(at, null, 2)}\n`);
  console.log(`Deployed to chain ${chainId}:`);
  for (const [name, address] of Object.entries(at)) console.log(`  ${name.padEnd(14)} ${address}`);
  console.log(
    `Period ${s.periodBlocks} blocks of ${s.blockSeconds} s, seed after ${s.seedDelay}; fee ${s.feeBps / 100} %; ` +
      `emission ${Number(s.firstEmission) / Number(unitsPerToken)} tokens a period. Written: ${path.relative(process.cwd(), file)}`,
  );
  provider.destroy();
}

/** Every contract must name the others as they lie now. */
async function check(provider, at) {
  const names = {
    Token: { BANK: "Bank" },
    Escrow: { TOKEN: "Token", MARKET: "StorageMarket", REGISTRY: "NodeRegistry", BANK: "Bank" },
    NodeRegistry: { ESCROW: "Escrow", MARKET: "StorageMarket" },
    Faults: { NEXT: "Custody" },
    StorageMarket: { NEXT: "Faults", ESCROW: "Escrow", REGISTRY: "NodeRegistry", BANK: "Bank" },
    Bank: { TOKEN: "Token", ESCROW: "Escrow", MARKET: "StorageMarket", REGISTRY: "NodeRegistry" },
    MarketLens: { MARKET: "StorageMarket" },
  };
  const questions = Object.entries(names).flatMap(([contract, fields]) =>
    Object.entries(fields).map(async ([field, named]) => {
      const call = new Interface([`function ${field}() view returns (address)`]);
      const answer = await provider.call({ to: at[contract], data: call.encodeFunctionData(field) });
      const [address] = AbiCoder.defaultAbiCoder().decode(["address"], answer);
      if (address !== at[named]) throw new Error(`${contract}.${field} is ${address}, not ${at[named]}`);
    }),
  );
  await Promise.all(questions);
}

await main();
