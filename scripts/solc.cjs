#!/usr/bin/env node
// The compiler of npm's solc package as forge calls one: --version, and standard JSON from stdin to stdout.
const solc = require("solc");

if (process.argv.includes("--version")) {
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${solc.version().replace(".Emscripten.clang", ".Linux.g++")}`);
} else {
  let input = "";
  process.stdin.on("data", (part) => (input += part));
  process.stdin.on("end", () => process.stdout.write(solc.compile(input)));
}
