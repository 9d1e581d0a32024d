// A small S3 server on a free loopback port. Usage: s3.js FOLDER. Prints the address when it answers.
import S3rver from "s3rver";

const server = new S3rver({
  address: "127.0.0.1",
  port: 0,
  silent: true,
  directory: process.argv[2],
  configureBuckets: [{ name: "shards", configs: [] }],
});
const { port } = await server.run();
console.log(`http://127.0.0.1:${port}`);
