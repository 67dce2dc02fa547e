// Shows a description: paragraphs, lists of "- " lines, indented blocks, and `code`. Everything
// else is plain text.

import { element } from "./elements.js";

export function prose(text) {
  const blocks = String(text)
    .split(/\n\s*\n/)
    .filter((block) => block.trim());
  return element("div", { class: "prose" }, blocks.map(block));
}

function block(text) {
  const lines = text.split("\n").filter((line) => line.trim());
  if (lines.every((line) => /^( {4}|\t)/.test(line))) {
    return element("pre", {}, lines.map((line) => line.replace(/^( {4}|\t)/, "")).join("\n"));
  }
  if (/^\s*[-*] /.test(lines[0])) return list(lines);
  return element("p", {}, withCode(lines.map((line) => line.trim()).join(" ")));
}

function list(lines) {
  const items = [];
  for (const line of lines) {
    if (/^\s*[-*] /.test(line)) items.push(line.replace(/^\s*[-*] /, ""));
    else items.push(`${items.pop()} ${line.trim()}`);
  }
  return element(
    "ul",
    {},
    items.map((item) => element("li", {}, withCode(item))),
  );
}

// A text within a line, whose paragraphs are separated by dots.
export function inline(text) {
  return withCode(
    String(text)
      .trim()
      .split(/\n\s*\n/)
      .join(" · "),
  );
}

function withCode(text) {
  return text
    .split(/(``[^`]+``|`[^`]+`)/)
    .filter(Boolean)
    .map((part) =>
      part.startsWith("`") && part.endsWith("`") && part.length > 2
        ? element("code", {}, part.replace(/^`+|`+$/g, ""))
        : part,
    );
}
