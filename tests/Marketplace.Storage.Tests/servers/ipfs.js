// An IPFS node that speaks to nobody, with its RPC on a free loopback port. Usage: ipfs.js FOLDER. Prints the address when it answers.
import { create } from "ipfs-core";
import { HttpApi } from "ipfs-http-server";

const node = await create({
  repo: process.argv[2],
  offline: true,
  silent: true,
  init: { algorithm: "Ed25519", emptyRepo: true },
  preload: { enabled: false },
  config: {
    Addresses: { Swarm: [], API: "/ip4/127.0.0.1/tcp/0", Gateway: "", RPC: "" },
    Bootstrap: [],
    Discovery: { MDNS: { Enabled: false }, webRTCStar: { Enabled: false } },
  },
});
const server = new HttpApi(node);
await server.start();
const listener = server._apiServers[0];
console.log(`http://127.0.0.1:${listener.info.port}`);
