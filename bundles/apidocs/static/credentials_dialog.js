// The dialog in which credentials are entered, once for HTTP and for sockets.

import { element, uniqueId } from "./elements.js";
import { prose } from "./prose.js";

const HINTS = {
  bearer: "Sent as Authorization: Bearer, and as auth.token of a socket.",
  basic: "Sent as Authorization: Basic, unless a token is entered.",
  header: "Sent in a header, also with the handshake of a socket.",
  query: "Sent in the query, also with the handshake of a socket.",
  cookie: "The browser sends this cookie by itself: log in with the operation that sets it.",
  other: "This page cannot send this credential.",
};

const NAMES = { bearer: ["Token"], basic: ["User", "Password"], cookie: [], other: [] };

export function credentialsButton(credentials) {
  const { dialog, load } = credentialsDialog(credentials);
  const open = () => {
    load();
    dialog.showModal();
  };
  const button = element("button", { type: "button", onclick: open });
  const update = () => {
    button.textContent = credentials.count ? `Credentials (${credentials.count})` : "Credentials";
  };
  credentials.onChange(update);
  update();
  return [button, dialog];
}

function credentialsDialog(credentials) {
  const title = uniqueId("title");
  const schemes = [...credentials.schemes.values()];
  const groups = schemes.map((scheme) => schemeFields(scheme, credentials));
  const dialog = element(
    "dialog",
    { "aria-labelledby": title },
    element("h2", { id: title }, "Credentials"),
    element(
      "p",
      {},
      schemes.length
        ? "They are kept in the memory of this page until it is closed or loaded again."
        : "The application describes no way to authenticate.",
    ),
    groups.map((group) => group.element),
  );
  const form = element(
    "form",
    {
      method: "dialog",
      onsubmit: () => credentials.update(groups.flatMap((group) => group.values())),
    },
    ...dialog.childNodes,
    element(
      "p",
      { class: "actions" },
      schemes.length > 0 && element("button", { class: "primary" }, "Save"),
      schemes.length > 0 &&
        element("button", { type: "button", onclick: () => clear(credentials) }, "Clear"),
      element("button", { type: "button", onclick: () => dialog.close() }, "Close"),
    ),
  );
  dialog.append(form);
  const load = () => groups.forEach((group) => group.load());
  credentials.onChange(load);
  return { dialog, load };
}

function schemeFields(scheme, credentials) {
  const names = NAMES[scheme.kind] ?? ["Value"];
  const inputs = names.map((name) => credentialInput(name));
  const texts = () => inputs.map(({ input }) => input.value);
  return {
    element: element(
      "fieldset",
      {},
      element("legend", {}, scheme.key),
      scheme.description && prose(scheme.description),
      element("p", { class: "hint" }, HINTS[scheme.kind]),
      inputs.map(({ row }) => row),
    ),
    values: () => (inputs.length ? [[scheme.key, valueOf(texts())]] : []),
    load() {
      const value = credentials.get(scheme.key);
      const saved = value?.user === undefined ? [value] : [value.user, value.password];
      inputs.forEach(({ input }, index) => (input.value = saved[index] ?? ""));
    },
  };
}

function clear(credentials) {
  credentials.update([...credentials.schemes.keys()].map((key) => [key, undefined]));
}

function valueOf(values) {
  if (!values[0]) return undefined;
  return values.length === 2 ? { user: values[0], password: values[1] } : values[0].trim();
}

function credentialInput(name) {
  const id = uniqueId("credential");
  const input = element("input", {
    id,
    type: name === "User" ? "text" : "password",
    autocomplete: "off",
    spellcheck: "false",
  });
  return {
    input,
    row: element("p", { class: "field" }, element("label", { for: id }, name), input),
  };
}
