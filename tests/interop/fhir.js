// Judges FHIR R4 resources with FHIR.js: structure, and codes against the value sets of the standard.
//
// Reads a JSON list of resources from standard input; prints a JSON list with the errors of each.
"use strict";

const { Fhir } = require("fhir");
const { readFileSync } = require("node:fs");

const judge = new Fhir();
const found = JSON.parse(readFileSync(0, "utf8")).map((resource) =>
  judge
    .validate(resource, { errorOnUnexpected: true })
    .messages.filter((message) => message.severity === "error" || message.severity === "fatal")
    .map((message) => `${message.location}: ${message.message}`),
);
console.log(JSON.stringify(found));
