// Makes an example of a schema, which fills in the forms.

import { numberOf } from "./json.js";
import { choicesOf, placesOf, typesOf } from "./schema_text.js";
import { lengthsOf } from "./text_lengths.js";

const MAX_DEPTH = 6;

const FORMATS = {
  "date-time": "2026-01-31T12:00:00Z",
  date: "2026-01-31",
  time: "12:00:00",
  duration: "PT1H",
  email: "ada@example.org",
  uuid: "3fa85f64-5717-4562-b3fc-2c963f66afa6",
  uri: "https://example.org/",
  ipv4: "192.0.2.1",
  ipv6: "2001:db8::1",
  base64: "aGVsbG8=",
};

// *name* is that of the property or parameter. Texts of one name have the same example.
export function exampleOf(schema, resolve, name, depth = 0) {
  const found = resolve(schema);
  if (!found || typeof found !== "object" || depth > MAX_DEPTH) return null;
  const given = givenExample(found);
  if (given !== undefined) return given;
  const choices = found.anyOf ?? found.oneOf;
  if (choices) {
    return exampleOf(choicesOf(found, resolve)[0] ?? choices[0], resolve, name, depth + 1);
  }
  if (found.allOf) return exampleOfAll(found, resolve, name, depth);
  return ofType(
    typesOf(found).find((type) => type !== "null"),
    found,
    resolve,
    name,
    depth,
  );
}

function givenExample(schema) {
  if (schema.examples?.length) return schema.examples[0];
  if (schema.example !== undefined) return schema.example;
  if (schema.const !== undefined) return schema.const;
  if (schema.default !== undefined && schema.default !== null) return schema.default;
  return schema.enum?.[0];
}

function exampleOfAll(schema, resolve, name, depth) {
  const values = schema.allOf.map((part) => exampleOf(part, resolve, name, depth + 1));
  return values.every((value) => value && typeof value === "object" && !Array.isArray(value))
    ? Object.fromEntries(values.flatMap(Object.entries))
    : values[0];
}

function ofType(type, schema, resolve, name, depth) {
  switch (type) {
    case "object":
      return ofProperties(schema, resolve, depth);
    case "array":
      return ofItems(schema, resolve, name, depth);
    case "integer":
    case "number":
      return ofNumber(schema);
    case "boolean":
      return true;
    case "string":
      return ofText(schema, name);
    default:
      return null;
  }
}

// Properties that contain their own schema again are left out where they are optional.
function ofProperties(schema, resolve, depth) {
  const required = new Set(schema.required ?? []);
  return Object.fromEntries(
    Object.entries(schema.properties ?? {})
      .filter(([name]) => required.has(name) || depth < 3)
      .map(([name, property]) => [name, exampleOf(property, resolve, name, depth + 1)])
      .filter(([name, value]) => required.has(name) || value !== null),
  );
}

function ofItems(schema, resolve, name, depth) {
  const places = placesOf(schema);
  if (places) {
    return places.map((item) => exampleOf(item, resolve, name, depth + 1));
  }
  if (depth >= 3 && !schema.minItems) return [];
  const item = exampleOf(schema.items, resolve, name, depth + 1);
  return item === null ? [] : new Array(Math.min(schema.minItems || 1, 10)).fill(item);
}

function ofNumber(schema) {
  const step = numberOf(schema.multipleOf) ?? 1;
  const least = numberOf(schema.minimum) ?? moved(schema.exclusiveMinimum, step);
  if (least !== undefined) return Math.ceil(least / step) * step;
  const most = numberOf(schema.maximum) ?? moved(schema.exclusiveMaximum, -step);
  return most < step ? Math.floor(most / step) * step : step;
}

function moved(limit, step) {
  return limit === undefined ? undefined : numberOf(limit) + step;
}

function ofText(schema, name) {
  const format = schema.contentEncoding ?? schema.format;
  if (Object.hasOwn(FORMATS, format ?? "")) return FORMATS[format];
  const { least, most } = lengthsOf(schema, name);
  return "text".slice(0, most).padEnd(Math.min(least, 1000), "x");
}
