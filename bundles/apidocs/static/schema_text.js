// Describes a schema (JSON Schema 2020-12) in a few words: its type, and its limits.

import { nameOfReference } from "./documents.js";
import { formatJson } from "./json.js";

const MAX_DEPTH = 4;

// "integer", "text (date-time)", "list of Task", "Task or null".
export function typeText(schema, resolve, depth = 0) {
  const name = nameOfReference(schema);
  const found = resolve(schema);
  if (name && isNamed(found)) return name;
  if (found === undefined || found === true || found === null) return "any value";
  if (found === false) return "no value";
  if (depth > MAX_DEPTH) return "…";
  if ("const" in found) return formatJson(found.const);
  const choices = found.anyOf ?? found.oneOf;
  if (choices) return joined(choices.map((choice) => typeText(choice, resolve, depth + 1)));
  if (found.allOf) {
    return found.allOf.map((part) => typeText(part, resolve, depth + 1)).join(" and ");
  }
  const types = typesOf(found);
  return types.length
    ? joined(types.map((type) => oneType(type, found, resolve, depth)))
    : "any value";
}

function joined(texts) {
  const unique = [...new Set(texts)];
  return [
    ...unique.filter((text) => text !== "null"),
    ...unique.filter((text) => text === "null"),
  ].join(" or ");
}

function isNamed(schema) {
  return Boolean(schema) && (schema.properties || schema.enum || schema.anyOf || schema.oneOf);
}

// The types of a resolved schema; they may be missing where the other keywords imply one.
export function typesOf(schema) {
  if (schema?.type) return [schema.type].flat();
  if (schema?.properties) return ["object"];
  if (schema?.items || schema?.prefixItems) return ["array"];
  if (schema?.enum) return [...new Set(schema.enum.map(typeOfValue))];
  return [];
}

function typeOfValue(value) {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

function oneType(type, schema, resolve, depth) {
  if (type === "array") return listText(schema, resolve, depth);
  if (type === "object") return objectText(schema, resolve, depth);
  if (type === "string" && isFile(schema)) return "file";
  const format = schema.format ?? schema.contentEncoding;
  return format && type !== "null" ? `${type} (${format})` : type;
}

function listText(schema, resolve, depth) {
  const places = placesOf(schema);
  if (places) {
    return `[${places.map((item) => typeText(item, resolve, depth + 1)).join(", ")}]`;
  }
  return schema.items ? `list of ${typeText(schema.items, resolve, depth + 1)}` : "list";
}

// The schemas of a list with fixed places: of JSON Schema 2020-12, or of draft 7 in AsyncAPI.
export function placesOf(schema) {
  return schema.prefixItems ?? (Array.isArray(schema.items) ? schema.items : undefined);
}

function objectText(schema, resolve, depth) {
  const values = schema.additionalProperties;
  if (schema.properties || !values || typeof values !== "object") return schema.title ?? "object";
  return `object with values of ${typeText(values, resolve, depth + 1)}`;
}

// A file in a form: its bytes are sent as they are.
export function isFile(schema) {
  if (schema?.format === "binary") return true;
  return Boolean(schema?.contentMediaType) && !schema.contentEncoding;
}

// The schema behind references and "or null"; the keywords beside them are left out.
export function withoutNull(schema, resolve) {
  const found = resolve(schema) ?? {};
  const choices = choicesOf(found, resolve);
  return choices.length === 1 ? withoutNull(choices[0], resolve) : found;
}

// The choices of a resolved schema but null.
export function choicesOf(schema, resolve) {
  return (schema.anyOf ?? schema.oneOf ?? []).filter((choice) => resolve(choice)?.type !== "null");
}

const LIMITS = [
  ["minimum", "at least "],
  ["exclusiveMinimum", "greater than "],
  ["maximum", "at most "],
  ["exclusiveMaximum", "less than "],
  ["multipleOf", "a multiple of "],
  ["minLength", "minimum length "],
  ["maxLength", "maximum length "],
  ["minItems", "minimum items "],
  ["maxItems", "maximum items "],
  ["minProperties", "minimum properties "],
  ["maxProperties", "maximum properties "],
  ["pattern", "pattern "],
];

// "at least 1", "maximum length 200"
export function limitsOf(schema, resolve) {
  const found = { ...withoutNull(schema, resolve), ...resolve(schema) };
  const limits = LIMITS.filter(([key]) => found[key] !== undefined).map(
    ([key, words]) => words + (key === "pattern" ? found[key] : formatJson(found[key])),
  );
  if (found.uniqueItems) limits.push("no item twice");
  if (found.additionalProperties === false) limits.push("no other properties");
  if (found.readOnly) limits.push("read only");
  if (found.writeOnly) limits.push("write only");
  return limits;
}
