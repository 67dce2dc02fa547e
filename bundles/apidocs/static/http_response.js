// Sends a request, and shows its response while it is received.

import { copyButton } from "./copy_button.js";
import { element, replaceChildren } from "./elements.js";
import { parseJson, formatJson } from "./json.js";

const SHOWN = 200_000; // characters of a body
const TEXT = /^(text\/|application\/(.*\+)?(json|xml|javascript|x-ndjson|yaml)\b)/i;

export class ResponseView {
  constructor(request, curl, credentials) {
    this._request = request;
    this._credentials = credentials;
    this._status = element("p", { class: "status", role: "status" }, "Waiting for the response…");
    this._details = element("div", {});
    this._body = element("div", {});
    this.element = element(
      "section",
      { "aria-label": "Response" },
      element("h4", {}, "Request"),
      element("p", { class: "line" }, element("code", {}, `${request.method} ${request.url}`)),
      request.ignored.length > 0 &&
        element(
          "p",
          { class: "hint" },
          `The browser does not send: ${request.ignored.join(", ")}.`,
        ),
      element(
        "details",
        {},
        element("summary", {}, "curl command"),
        element("pre", { class: "code", tabindex: 0 }, curl),
        copyButton(() => curl),
      ),
      element("h4", {}, "Response"),
      this._status,
      this._details,
      this._body,
    );
  }

  async send(signal) {
    const began = performance.now();
    const { method, url, headers, body } = this._request;
    let response;
    try {
      response = await fetch(url, { method, headers, body, signal });
    } catch (error) {
      this._fail(
        error,
        "no response: the server cannot be reached, or its CORS rules refuse this page",
      );
      return;
    }
    this._showHead(response, performance.now() - began);
    try {
      await this._receive(response, began);
    } catch (error) {
      this._fail(error, "the response broke off");
    }
  }

  _fail(error, reason) {
    const text = error.name === "AbortError" ? "stopped" : `failed: ${reason}`;
    this._status.textContent = this._head ? `${this._head}, ${text}` : text;
    this._status.dataset.kind = "error";
  }

  _showHead(response, milliseconds) {
    this._head = `${response.status} ${response.statusText}`.trim();
    this._status.textContent = `${this._head}, headers after ${shownTime(milliseconds)}`;
    this._status.dataset.kind = response.ok ? "success" : "error";
    replaceChildren(
      this._details,
      response.redirected && element("p", { class: "hint" }, `Redirected to ${response.url}`),
      headerTable(response.headers),
    );
  }

  async _receive(response, began) {
    const type = response.headers.get("Content-Type") ?? "";
    const isText = TEXT.test(type);
    const decoder = new TextDecoder();
    const live = element("pre", { class: "code", tabindex: 0, "aria-label": "Response body" });
    const pieces = [];
    let [size, text] = [0, ""];
    for await (const piece of piecesOf(response)) {
      pieces.push(piece);
      size += piece.length;
      if (!isText || text.length > SHOWN) continue;
      text += decoder.decode(piece, { stream: true });
      live.textContent = text.slice(0, SHOWN);
      if (!live.isConnected) replaceChildren(this._body, live);
    }
    const took = shownTime(performance.now() - began);
    this._status.textContent = `${this._head}, ${size} bytes in ${took}`;
    const blob = new Blob(pieces, { type });
    replaceChildren(this._body, this._shownBody({ blob, size, text, type, live, response }));
  }

  _shownBody({ blob, size, text, type, live, response }) {
    if (size === 0) return element("p", { class: "hint" }, "The body is empty.");
    const save = saveLink(blob, response);
    if (!TEXT.test(type))
      return [element("p", {}, `${size} bytes of ${type || "no type"}. `, save)];
    const isWhole = text.length <= SHOWN;
    const value = isWhole && /json/i.test(type) ? readJson(text) : undefined;
    live.textContent = value === undefined ? text.slice(0, SHOWN) : formatJson(value);
    return [
      live,
      element(
        "p",
        { class: "actions" },
        copyButton(() => live.textContent),
        save,
        this._tokenButton(value),
      ),
      !isWhole && element("p", { class: "hint" }, "Only the beginning is shown."),
    ];
  }

  // For a login that returns {"token": "…"}.
  _tokenButton(value) {
    const scheme = this._credentials.schemeOfKind("bearer");
    if (!scheme || typeof value?.token !== "string") return null;
    const use = () => {
      this._credentials.update([[scheme.key, value.token]]);
      button.textContent = "The token is used";
    };
    const button = element("button", { type: "button", onclick: use }, "Use this token");
    return button;
  }
}

async function* piecesOf(response) {
  if (!response.body) return;
  const reader = response.body.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
}

function headerTable(headers) {
  return element(
    "details",
    {},
    element("summary", {}, "Headers"),
    element(
      "table",
      { class: "headers" },
      element("caption", { class: "hidden" }, "Headers of the response"),
      [...headers].map(([name, value]) =>
        element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, value)),
      ),
    ),
  );
}

function saveLink(blob, response) {
  const disposition = response.headers.get("Content-Disposition") ?? "";
  const name = /filename="?([^";]+)"?/i.exec(disposition)?.[1] ?? "response";
  return element("a", { href: URL.createObjectURL(blob), download: name }, "Save the body");
}

function readJson(text) {
  try {
    return parseJson(text);
  } catch {
    return undefined; // shown as the text that it is
  }
}

export function shownTime(milliseconds) {
  return milliseconds < 1000
    ? `${Math.round(milliseconds)} ms`
    : `${(milliseconds / 1000).toFixed(1)} s`;
}
