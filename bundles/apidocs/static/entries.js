// Makes the list of the page out of the two documents: one entry for each definition, with its
// HTTP operation, its event, or both, and one for each pushed event.

import { nameOfReference, resolverOf } from "./documents.js";

const PUSHED = "Pushed events";
const VERBS = ["get", "head", "post", "put", "patch", "delete", "options", "trace"];

// Returns a Map from the name of an entry to the entry, sorted by tag and title.
export function entriesOf(openapi, asyncapi) {
  const entries = new Map();
  for (const operation of httpOperations(openapi))
    addTo(entries, operation.name, "http", operation);
  for (const operation of socketOperations(asyncapi)) {
    addTo(entries, operation.name, operation.isPushed ? "pushed" : "socket", operation);
  }
  const sorted = [...entries.values()].sort(
    (one, other) => compare(one.tag, other.tag) || compare(one.title, other.title),
  );
  return new Map(sorted.map((entry) => [entry.name, entry]));
}

function addTo(entries, name, kind, operation) {
  const entry = entries.get(name) ?? { name, title: name, tag: "", summary: "", description: "" };
  if (kind === "pushed") entry.title = operation.event;
  entry[kind] = operation;
  entry.tag ||= operation.tag;
  entry.summary ||= operation.summary;
  entry.description ||= operation.description;
  entry.deprecated ||= operation.deprecated;
  entries.set(name, entry);
}

// Entries without a tag are last, after the pushed events.
function compare(one, other) {
  return rank(one) - rank(other) || one.localeCompare(other);
}

function rank(text) {
  return text === PUSHED ? 1 : text ? 0 : 2;
}

function* httpOperations(openapi) {
  if (!openapi) return;
  const resolve = resolverOf(openapi);
  for (const [path, item] of Object.entries(openapi.paths ?? {})) {
    for (const verb of VERBS.filter((verb) => Object.hasOwn(item, verb))) {
      const operation = item[verb];
      yield {
        ...common(operation, operation.operationId ?? `${verb} ${path}`),
        tag: operation.tags?.[0] ?? "",
        method: verb.toUpperCase(),
        path: path.split("#")[0], // a fragment distinguishes operations of one path
        parameters: [...(item.parameters ?? []), ...(operation.parameters ?? [])].map(resolve),
        body: resolve(operation.requestBody),
        responses: Object.entries(operation.responses ?? {}).map(([status, response]) => ({
          status,
          ...resolve(response),
        })),
        security: operation.security ?? openapi.security,
        resolve,
      };
    }
  }
}

function* socketOperations(asyncapi) {
  if (!asyncapi) return;
  const resolve = resolverOf(asyncapi);
  for (const [key, operation] of Object.entries(asyncapi.operations ?? {})) {
    const channel = resolve(operation.channel) ?? {};
    const [message] = messagesOf(operation, channel, resolve);
    const isPushed = operation.action === "send";
    yield {
      ...common(operation, key, message),
      tag: resolve((operation.tags ?? message?.tags)?.[0])?.name ?? (isPushed ? PUSHED : ""),
      isPushed,
      isPlain: operation["x-rxkernel-envelope"] === false,
      event: message?.name ?? key,
      namespace: channel.address ?? "/",
      parameters: namespaceParameters(channel, resolve),
      payload: schemaOf(message?.payload),
      examples: (message?.examples ?? []).filter((example) => "payload" in example),
      acknowledgements: replies(operation, resolve),
      security: operation.security?.map((scheme) => ({
        [nameOfReference(scheme) ?? resolve(scheme)?.type]: [],
      })),
      resolve,
    };
  }
}

export function namespaceParameters(channel, resolve) {
  return Object.entries(channel.parameters ?? {}).map(([name, parameter]) => ({
    name,
    ...resolve(parameter),
  }));
}

function common(operation, name, message) {
  return {
    name,
    summary: operation.summary ?? message?.summary ?? "",
    description: operation.description ?? message?.description ?? "",
    deprecated: Boolean(operation.deprecated ?? operation["x-rxkernel-deprecated"]),
    rule: operation["x-rxkernel-access"],
    pushes: operation["x-rxkernel-pushes"] ?? [],
  };
}

function messagesOf(operation, channel, resolve) {
  const messages = operation.messages ?? Object.values(channel.messages ?? {});
  return messages.map(resolve).filter(Boolean);
}

function replies(operation, resolve) {
  const reply = resolve(operation.reply);
  if (!reply) return [];
  return messagesOf(reply, resolve(reply.channel) ?? {}, resolve).map((message) => ({
    title: message.title ?? message.name ?? "acknowledgement",
    summary: message.summary ?? message.description ?? "",
    schema: schemaOf(message.payload),
  }));
}

// A payload is a schema, or names the format of its schema (AsyncAPI 3.0, Multi Format Schema).
function schemaOf(payload) {
  return payload?.schemaFormat ? payload.schema : payload;
}
