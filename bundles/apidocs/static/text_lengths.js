// The lengths of texts, by the names of fields, so that the same example fits each form: the
// password of an account that one form creates is also that of the form for the login.

import { numberOf } from "./json.js";

const LONGEST = 64; // a text with a greater minimum length is not the example of other fields

const known = new Map();

// Reads the lengths of all properties and parameters of *documents*.
export function readLengths(...documents) {
  known.clear();
  documents.forEach(readNode);
}

// Returns {least, most}, the limits of all texts called *name*; those of *schema* alone, where
// there is no length that fits all.
export function lengthsOf(schema, name) {
  const own = ownLengths(schema);
  const shared = known.get(name);
  if (!shared) return own;
  const all = narrower(own, shared);
  return all.least <= Math.min(all.most, LONGEST) ? all : own;
}

function readNode(node) {
  if (node === null || typeof node !== "object") return;
  for (const [name, schema] of Object.entries(node.properties ?? {})) readField(name, schema);
  if (typeof node.name === "string" && node.schema) readField(node.name, node.schema);
  Object.values(node).forEach(readNode);
}

// An object whose fields are called as keywords is not distinguished from a schema: *schema* may be
// any value.
function readField(name, schema) {
  const choices = Array.isArray(schema?.anyOf) ? schema.anyOf : [];
  for (const text of [schema, ...choices]) {
    if (text?.type !== "string") continue;
    known.set(name, narrower(ownLengths(text), known.get(name) ?? ownLengths({})));
  }
}

function ownLengths({ minLength, maxLength }) {
  return { least: numberOf(minLength) ?? 0, most: numberOf(maxLength) ?? Infinity };
}

function narrower(one, other) {
  return { least: Math.max(one.least, other.least), most: Math.min(one.most, other.most) };
}
