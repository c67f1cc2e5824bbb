// Checks a log with Sigstore's verifier: the signed checkpoint, and the inclusion of every record.
//
// Reads one JSON document from standard input, see test_log.py; prints "ok" or what does not hold.
"use strict";

const { createPublicKey } = require("node:crypto");
const { createRequire } = require("node:module");
const { readFileSync } = require("node:fs");
const { dirname, join } = require("node:path");

// Neither part is exported by the package, whose version is pinned for that.
const packages = createRequire(join(__dirname, "..", "package.json"));
const parts = dirname(packages.resolve("@sigstore/verify"));
const { verifyCheckpoint } = require(join(parts, "tlog", "checkpoint.js"));
const { verifyMerkleInclusion } = require(join(parts, "tlog", "merkle.js"));

const DER_OF_ED25519 = Buffer.from("302a300506032b6570032100", "hex");

function check(given) {
  const [name, keyId, ...rest] = given.vkey.split("+");
  const key = Buffer.concat([DER_OF_ED25519, Buffer.from(rest.join("+"), "base64").subarray(1)]);
  const log = {
    baseURL: name,
    logID: Buffer.from(keyId, "hex"),
    publicKey: createPublicKey({ key, format: "der", type: "spki" }),
  };
  const checkpoint = verifyCheckpoint({ inclusionProof: { checkpoint: { envelope: given.newest } } }, [log]);
  if (BigInt(given.records.length) !== checkpoint.logSize) {
    throw new Error(`${given.records.length} records under a checkpoint of ${checkpoint.logSize}`);
  }
  for (const { seq, body, path } of given.records) {
    verifyMerkleInclusion(
      {
        canonicalizedBody: Buffer.from(body, "base64"),
        inclusionProof: { logIndex: String(seq), hashes: path.map((hash) => Buffer.from(hash, "base64")) },
      },
      checkpoint,
    );
  }
}

try {
  check(JSON.parse(readFileSync(0, "utf8")));
  console.log("ok");
} catch (error) {
  console.log(error.message);
}
