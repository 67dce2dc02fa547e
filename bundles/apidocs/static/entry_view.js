// Everything about one entry: its description, and a tab for each transport.

import { element } from "./elements.js";
import { httpPanel } from "./http_panel.js";
import { inline, prose } from "./prose.js";
import { pushedPanel, socketPanel } from "./socket_panel.js";
import { tabView } from "./tabs.js";

// *context* has {base, credentials, sessions, pushedEntryOf}; *onSelect* gets the key of the tab
// that the user selected. Returns {element, select}, see `tabView`.
export function entryView(entry, context, onSelect) {
  const contents = [
    entry.http && { key: "http", title: "HTTP", content: httpPanel(entry.http, context) },
    entry.socket && {
      key: "socket",
      title: "Socket.IO",
      content: socketPanel(entry.socket, context),
    },
    entry.pushed && { key: "pushed", title: "Pushed event", content: pushedPanel(entry.pushed) },
  ].filter(Boolean);
  const tabs = tabView(contents, onSelect);
  const view = element(
    "article",
    {},
    element(
      "header",
      {},
      element("h2", { tabindex: -1 }, entry.title),
      entry.deprecated && element("span", { class: "badge deprecated" }, "deprecated"),
    ),
    entry.summary && element("p", { class: "summary" }, inline(entry.summary)),
    entry.description && prose(entry.description),
    tabs.elements,
  );
  return { element: view, select: tabs.select };
}
