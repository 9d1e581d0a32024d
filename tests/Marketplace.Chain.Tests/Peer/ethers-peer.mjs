// The other side of EthersComparisonTests: reads one JSON request a line, answers with one JSON line, by ethers 6.
import { createInterface } from "node:readline";
import * as ethers from "ethers";

const coder = ethers.AbiCoder.defaultAbiCoder();

/** Numbers become decimal texts and results become arrays, so that JSON can carry them. */
const plain = (value) => {
  if (typeof value === "bigint") return value.toString();
  return Array.isArray(value) ? Array.from(value, plain) : value;
};

const answers = {
  encode: ({ types, values }) => coder.encode(types, values),
  decode: ({ types, data }) => plain(Array.from(coder.decode(types, data))),
  packed: ({ types, values }) => ethers.solidityPacked(types, values),
  transaction: ({ key, transaction }) => {
    const made = ethers.Transaction.from(transaction);
    made.signature = new ethers.SigningKey(key).sign(made.unsignedHash);
    return { raw: made.serialized, hash: made.hash };
  },
  readTransaction: ({ raw }) => {
    const read = ethers.Transaction.from(raw);
    return { from: read.from, to: read.to, nonce: read.nonce, value: read.value.toString(), data: read.data, hash: read.hash, chainId: read.chainId.toString() };
  },
  typedData: ({ key, message }) => {
    const { EIP712Domain: _, ...types } = message.types;
    const digest = ethers.TypedDataEncoder.hash(message.domain, types, message.message);
    return { digest, signature: new ethers.SigningKey(key).sign(digest).serialized };
  },
  sign: ({ key, text }) => new ethers.Wallet(key).signMessageSync(text),
  recover: ({ text, signature }) => ethers.verifyMessage(text, signature),
  address: ({ key }) => ethers.computeAddress(key),
  phrase: ({ entropy }) => ethers.Mnemonic.fromEntropy(entropy).phrase,
  wallet: ({ phrase, path }) => {
    const wallet = ethers.HDNodeWallet.fromPhrase(phrase, "", path);
    return { address: wallet.address, key: wallet.privateKey };
  },
  seal: ({ key, passphrase, n }) =>
    ethers.encryptKeystoreJsonSync({ address: ethers.computeAddress(key), privateKey: key }, passphrase, { scrypt: { N: n } }),
  open: ({ json, passphrase }) => ethers.decryptKeystoreJsonSync(json, passphrase).privateKey,
  error: ({ abi, data }) => {
    const found = new ethers.Interface(abi).parseError(data);
    return { name: found.name, values: plain(Array.from(found.args)) };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    const { method, ...request } = JSON.parse(line);
    answer = { result: answers[method](request) };
  } catch (error) {
    answer = { error: String(error?.message ?? error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
