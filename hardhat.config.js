import { createRequire } from "node:module";
import { defineConfig } from "hardhat/config";

const require = createRequire(import.meta.url);

// The mnemonic of every local test chain; its keys are public and worth nothing.
const testMnemonic = "test test test test test test test test test test test junk";

const devAccounts = {
  mnemonic: process.env.MARKET_DEVNET_MNEMONIC || testMnemonic,
  count: Number(process.env.MARKET_DEVNET_ACCOUNTS || 64),
  accountsBalance: 10n ** 24n,
};

const compiler = (runs) => ({
  version: "0.8.37",
  // From npm, so that nothing is downloaded while building.
  path: require.resolve("solc/soljson.js"),
  settings: {
    evmVersion: "osaka",
    viaIR: true,
    optimizer: { enabled: true, runs },
  },
});

const edrNetwork = {
  type: "edr-simulated",
  chainType: "l1",
  chainId: 31337,
  hardfork: "osaka",
  accounts: devAccounts,
};

export default defineConfig({
  solidity: compiler(2000),
  paths: {
    sources: "contracts",
    artifacts: "artifacts",
    cache: "cache",
  },
  networks: {
    default: edrNetwork,
    // What `npx hardhat node` serves: automine on; a devnet turns on interval mining by evm_setIntervalMining.
    node: edrNetwork,
    localhost: {
      type: "http",
      chainType: "l1",
      url: process.env.MARKET_RPC_URL || "http://127.0.0.1:8545",
    },
  },
});
