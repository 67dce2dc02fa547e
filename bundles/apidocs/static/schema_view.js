// Shows a schema as a list of properties. Nested objects are opened on demand, so a schema may
// contain itself.

import { element } from "./elements.js";
import { formatJson } from "./json.js";
import { prose } from "./prose.js";
import { choicesOf, limitsOf, placesOf, typeText, withoutNull } from "./schema_text.js";

const MAX_DEPTH = 5;

export function schemaView(schema, resolve) {
  const view = element("div", { class: "schema" });
  view.append(...body(schema, resolve, true));
  return view;
}

function body(schema, resolve, withType, depth = 0) {
  const found = resolve(schema) ?? {};
  return [
    withType && element("p", { class: "facts" }, ...facts(schema, resolve)),
    found.description && prose(found.description),
    ...parts(found, resolve, depth),
  ].filter(Boolean);
}

export function facts(schema, resolve) {
  const found = { ...withoutNull(schema, resolve), ...resolve(schema) };
  const notes = limitsOf(schema, resolve);
  if (found.default !== undefined) notes.push(`default ${formatJson(found.default)}`);
  return [
    element("span", { class: "type" }, typeText(schema, resolve)),
    ...notes.map((note) => element("span", { class: "limit" }, note)),
    found.enum && element("span", { class: "limit" }, "one of ", values(found.enum)),
    found.deprecated && element("span", { class: "badge deprecated" }, "deprecated"),
  ].filter(Boolean);
}

function values(list) {
  return list.flatMap((value, index) => [
    index ? ", " : "",
    element("code", {}, formatJson(value)),
  ]);
}

// What is inside: shown at once where it is one schema, else to be opened.
function parts(schema, resolve, depth) {
  const shown = [];
  if (schema.properties) shown.push(properties(schema, resolve));
  for (const part of schema.allOf ?? []) shown.push(...body(part, resolve, false, depth + 1));
  const inner = innerSchemas(schema, resolve).filter((part) => isNested(part, resolve));
  if (inner.length === 1 && depth < MAX_DEPTH) {
    shown.push(...body(inner[0], resolve, false, depth + 1));
  } else {
    shown.push(...inner.map((part) => nested(part, resolve)));
  }
  return shown;
}

function innerSchemas(schema, resolve) {
  const values = schema.additionalProperties;
  return [
    ...choicesOf(schema, resolve),
    ...(placesOf(schema) ?? [schema.items]),
    typeof values === "object" ? values : undefined,
  ].filter(Boolean);
}

function isNested(schema, resolve, depth = 0) {
  const found = resolve(schema);
  if (!found || typeof found !== "object" || depth > MAX_DEPTH) return false;
  if (found.properties || found.allOf || found.enum) return true;
  return innerSchemas(found, resolve).some((part) => isNested(part, resolve, depth + 1));
}

function properties(schema, resolve) {
  const required = new Set(schema.required ?? []);
  const rows = Object.entries(schema.properties).map(([name, property]) =>
    propertyRow(
      name,
      [
        required.has(name) && element("span", { class: "required" }, "required"),
        facts(property, resolve),
      ],
      property.description,
      isOpened(property, resolve) && nested(property, resolve, name),
    ),
  );
  return element("ul", { class: "properties" }, rows);
}

// A row of a list: the name and what is beside it, then what is below.
export function propertyRow(name, notes, description, inner) {
  return element(
    "li",
    {},
    element("p", { class: "facts" }, element("code", { class: "name" }, name), notes),
    description && prose(description),
    inner,
  );
}

function isOpened(schema, resolve) {
  return isNested(schema, resolve) && !withoutNull(schema, resolve).enum;
}

function nested(schema, resolve, name) {
  const title = typeText(schema, resolve);
  const details = element(
    "details",
    {},
    element("summary", {}, name === undefined ? title : `${name}: ${title}`),
  );
  details.addEventListener("toggle", () => details.append(...body(schema, resolve, true)), {
    once: true,
  });
  return details;
}
