// Loads the two documents that describe the application.

import { parseJson } from "./json.js";

export class DocumentError extends Error {}

// The configuration names the documents, relative to this page.
export async function loadDocuments() {
  const configuration = await load("page.json");
  const [openapi, asyncapi] = await Promise.all(
    [configuration.openapi, configuration.asyncapi].map((path) => (path ? load(path) : null)),
  );
  return { configuration, openapi, asyncapi };
}

async function load(path) {
  const url = new URL(path, document.baseURI);
  let response;
  try {
    response = await fetch(url);
  } catch {
    throw new DocumentError(`${url.pathname} cannot be loaded: the server does not respond`);
  }
  if (!response.ok) {
    throw new DocumentError(`${url.pathname} cannot be loaded: status ${response.status}`);
  }
  return parseDocument(url.pathname, await response.text());
}

function parseDocument(path, text) {
  try {
    return parseJson(text);
  } catch (error) {
    throw new DocumentError(`${path} is not JSON: ${error.message}`);
  }
}

// Returns a function that follows references: {"$ref": "#/components/schemas/Task"}, and
// {"allOf": [{"$ref": …}]}. The keywords beside a reference are added to what it refers to.
export function resolverOf(root) {
  return function resolve(node) {
    let found = node;
    const seen = new Set();
    for (let step = stepOf(found); step && !seen.has(step.$ref); step = stepOf(found)) {
      seen.add(step.$ref);
      const target = step.$ref === undefined ? step.inner : at(root, step.$ref);
      found = isObject(target) ? { ...target, ...step.others } : target;
    }
    return found;
  };
}

function stepOf(node) {
  if (!isObject(node)) return null;
  const { $ref, allOf, ...others } = node;
  if (typeof $ref === "string") return { $ref, others: allOf ? { allOf, ...others } : others };
  return allOf?.length === 1 ? { inner: allOf[0], others } : null;
}

function isObject(value) {
  return value !== null && typeof value === "object";
}

export function nameOfReference(node) {
  if (typeof node?.$ref === "string") return keysOf(node.$ref).at(-1);
  return node?.allOf?.length === 1 ? nameOfReference(node.allOf[0]) : undefined;
}

function at(root, reference) {
  return keysOf(reference).reduce(
    (node, key) => (node && Object.hasOwn(node, key) ? node[key] : undefined),
    root,
  );
}

// RFC 6901 in the fragment of a URL.
function keysOf(reference) {
  return decodeURIComponent(reference.replace(/^#\/?/, ""))
    .split("/")
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
}
