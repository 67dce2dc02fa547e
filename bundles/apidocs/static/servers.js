// Where the application is, seen from this page.

import { resolverOf } from "./documents.js";
import { namespaceParameters } from "./entries.js";

// The URL before the paths of the document.
export function baseOf(openapi) {
  return new URL(openapi?.servers?.[0]?.url ?? "/", document.baseURI).href;
}

// Socket.IO is on the host of this page; the configuration has its port if it is another one.
export function socketUrlOf(asyncapi, { socketPort }) {
  const [server] = Object.values(asyncapi.servers ?? {}).map(resolverOf(asyncapi));
  const url = new URL(server?.pathname ?? "/socket.io/", location.origin);
  if (socketPort) url.port = socketPort;
  return url.href;
}

export function namespacesOf(asyncapi) {
  const resolve = resolverOf(asyncapi);
  return Object.values(asyncapi?.channels ?? {})
    .map(resolve)
    .map((channel) => ({
      namespace: channel.address ?? "/",
      parameters: namespaceParameters(channel, resolve),
      resolve,
    }));
}
