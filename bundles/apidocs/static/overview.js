// What is shown while no entry is selected.

import { element } from "./elements.js";
import { prose } from "./prose.js";

export function overview(info, entries, missing) {
  const all = [...entries.values()];
  const counts = [
    [all.filter((entry) => entry.http).length, "over HTTP"],
    [all.filter((entry) => entry.socket).length, "over Socket.IO"],
    [all.filter((entry) => entry.pushed).length, "pushed by the server"],
  ];
  return element(
    "article",
    {},
    element("header", {}, element("h2", { tabindex: -1 }, info.title ?? "API")),
    info.version && element("p", { class: "hint" }, `Version ${info.version}`),
    missing &&
      element("p", { class: "problem", role: "alert" }, `There is no operation ${missing}.`),
    info.description && prose(info.description),
    element(
      "ul",
      { class: "counts" },
      counts.map(([count, words]) =>
        element("li", {}, element("strong", {}, String(count)), ` ${words}`),
      ),
    ),
    element("p", {}, "Select an operation in the list to read about it and to try it."),
    element("p", { class: "hint" }, "Press / to search."),
  );
}
