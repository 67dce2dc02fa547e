// The list of all entries, grouped by tag, with a search.

import { element, uniqueId } from "./elements.js";

// *descriptions* has the descriptions of tags, by name.
export class EntryList {
  constructor(entries, descriptions) {
    this._links = new Map();
    this._groups = [...groupsOf(entries)].map(([tag, members]) =>
      this._group(tag, members, descriptions.get(tag)),
    );
    this._count = element("p", { class: "hint", role: "status" });
    const id = uniqueId("search");
    const search = element("input", {
      id,
      type: "search",
      placeholder: "Search",
      autocomplete: "off",
      oninput: () => this.filter(search.value),
    });
    this._search = search;
    this.element = element(
      "nav",
      { "aria-label": "Operations" },
      element("label", { class: "hidden", for: id }, "Search operations"),
      search,
      this._count,
      this._groups.map((group) => group.element),
    );
    this.filter("");
  }

  focusSearch() {
    this._search.focus();
    this._search.select();
  }

  select(name) {
    for (const [other, link] of this._links) {
      if (other === name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  // Shows the entries that contain every word of *text*.
  filter(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    let [shown, total] = [0, 0];
    for (const group of this._groups) {
      const found = group.rows.filter((row) => {
        row.element.hidden = !words.every((word) => row.text.includes(word));
        return !row.element.hidden;
      });
      group.element.hidden = !found.length;
      [shown, total] = [shown + found.length, total + group.rows.length];
    }
    this._count.textContent = words.length
      ? `${shown} of ${total} operations`
      : `${total} operations`;
  }

  _group(tag, members, description) {
    const title = uniqueId("tag");
    const rows = members.map((entry) => this._row(entry));
    return {
      rows,
      element: element(
        "section",
        { "aria-labelledby": title },
        element("h2", { id: title }, tag || "Others"),
        description && element("p", { class: "hint" }, description),
        element(
          "ul",
          {},
          rows.map((row) => row.element),
        ),
      ),
    };
  }

  _row(entry) {
    const link = element(
      "a",
      { href: `#${encodeURIComponent(entry.name)}`, class: entry.deprecated ? "deprecated" : null },
      element("span", { class: "name" }, breakable(entry.title)),
      element("span", { class: "badges" }, badgesOf(entry)),
    );
    this._links.set(entry.name, link);
    return { text: searchTextOf(entry), element: element("li", {}, link) };
  }
}

function groupsOf(entries) {
  const groups = new Map();
  for (const entry of entries.values()) {
    if (!groups.has(entry.tag)) groups.set(entry.tag, []);
    groups.get(entry.tag).push(entry);
  }
  return groups;
}

// Long names break after their separators.
function breakable(name) {
  return name.split(/(?<=[_.:/-])/).map((part) => [part, element("wbr")]);
}

function badgesOf({ http, socket, pushed, deprecated }) {
  return [
    http && badge(http.method, http.method),
    socket && badge("SOCKET", "emit"),
    pushed && badge("PUSHED", "receive"),
    deprecated && element("span", { class: "hidden" }, "deprecated"),
  ];
}

function badge(text, method) {
  return element("span", { class: "badge", "data-method": method }, text);
}

function searchTextOf({ name, title, tag, summary, description, http, socket, pushed }) {
  const event = socket ?? pushed;
  const parts = [http?.method, http?.path, event?.event, event?.namespace];
  return [name, title, tag, summary, description, ...parts].filter(Boolean).join(" ").toLowerCase();
}
