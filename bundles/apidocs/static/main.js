// Starts the page: loads the documents, and shows the entry that the URL names.

import { Credentials } from "./credentials.js";
import { credentialsButton } from "./credentials_dialog.js";
import { DocumentError, loadDocuments, resolverOf } from "./documents.js";
import { element, replaceChildren } from "./elements.js";
import { entriesOf } from "./entries.js";
import { EntryList } from "./entry_list.js";
import { entryView } from "./entry_view.js";
import { overview } from "./overview.js";
import { baseOf, namespacesOf, socketUrlOf } from "./servers.js";
import { socketConsole } from "./socket_console.js";
import { readLengths } from "./text_lengths.js";

const main = document.querySelector("main");

try {
  start(await loadDocuments());
} catch (error) {
  replaceChildren(
    main,
    element("h2", {}, "The documentation cannot be shown"),
    element("p", { class: "problem", role: "alert" }, error.message),
  );
  if (!(error instanceof DocumentError)) throw error; // a fault of this page: for its console
}

function start({ configuration, openapi, asyncapi }) {
  readLengths(openapi, asyncapi);
  const info = (openapi ?? asyncapi)?.info ?? {};
  const entries = entriesOf(openapi, asyncapi);
  const credentials = new Credentials(openapi, asyncapi);
  const views = new Map();
  const list = new EntryList(entries, tagDescriptions(openapi, asyncapi));
  const context = { base: baseOf(openapi), credentials, pushedEntryOf };
  document.querySelector("#title").textContent = info.title ?? "API";
  document.querySelector("#tools").append(...credentialsButton(credentials));
  document.querySelector("#list").append(list.element);
  const namespaces = namespacesOf(asyncapi);
  if (namespaces.length) {
    const url = socketUrlOf(asyncapi, configuration);
    const console_ = socketConsole({ url, credentials, namespaces });
    context.sessions = console_.sessions;
    document.querySelector("#console").append(console_.element);
    document.querySelector("#console").hidden = false;
  }

  function pushedEntryOf(event) {
    return [...entries.values()].find((entry) => entry.pushed?.event === event)?.name;
  }

  function show() {
    const { name, tab } = readHash();
    const entry = entries.get(name);
    list.select(name);
    document.title = [entry?.title, info.title ?? "API"].filter(Boolean).join(" · ");
    const view = entry ? viewOf(entry, tab) : overview(info, entries, name);
    replaceChildren(main, view);
    return view;
  }

  // Views are kept, with all that was entered and received.
  function viewOf(entry, tab) {
    const select = (key) =>
      history.replaceState(null, "", `#${encodeURIComponent(entry.name)}/${key}`);
    if (!views.has(entry.name)) views.set(entry.name, entryView(entry, context, select));
    const view = views.get(entry.name);
    view.select(tab);
    return view.element;
  }

  show();
  window.addEventListener("hashchange", () => {
    const view = show();
    main.scrollIntoView({ block: "nearest" });
    window.scrollTo(0, 0);
    view.querySelector("h2").focus({ preventScroll: true });
  });
  document.querySelector("#skip").addEventListener("click", () => main.querySelector("h2").focus());
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, dialog")) return;
    event.preventDefault();
    list.focusSearch();
  });
}

// "#task_create/socket": the name of an entry, and its tab.
function readHash() {
  const [name, tab] = location.hash.slice(1).split("/");
  try {
    return { name: decodeURIComponent(name), tab };
  } catch {
    return { name, tab }; // not percent-encoded: the name of no entry
  }
}

function tagDescriptions(openapi, asyncapi) {
  const resolve = resolverOf(asyncapi);
  const tags = [...(asyncapi?.info?.tags ?? []).map(resolve), ...(openapi?.tags ?? [])];
  return new Map(tags.filter((tag) => tag?.description).map((tag) => [tag.name, tag.description]));
}
