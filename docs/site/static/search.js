/* The search of the site. Its index is a script with the text of every section, so that it also
 * works for files, without a server. */
"use strict";

const COMMON = new Set(
  ("a about an and are as at be by can do does for from get has have how i if in into is it its me my of "
    + "on or that the their there this to use want what when where which who why with you your").split(" ")
);
const SHOWN = 40;

/** The words of a query, without their endings: `uploads` and `uploading` find `upload`. */
function wordsOf(query) {
  const words = query.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? [];
  const rare = words.filter((word) => !COMMON.has(word));
  return (rare.length ? rare : words).map((word) =>
    word.length > 4 ? word.replace(/(?:ing|ed|es|s)$/, "") : word
  );
}

/** The sections that fit *query* best, the best first. */
function find(sections, query) {
  const words = wordsOf(query).map((word) => new RegExp(`(?<![\\p{L}\\p{N}])${word}`, "giu"));
  const counts = sections.map((section) =>
    words.map((word) => ({
      title: count(section.title, word),
      page: count(section.page, word),
      text: count(section.text, word),
    }))
  );
  const rarity = words.map((_, number) => {
    const found = counts.filter((each) => each[number].title || each[number].text).length;
    return Math.log(1 + sections.length / (1 + found));
  });
  return sections
    .map((section, index) => ({ section, score: scoreOf(section, counts[index], rarity) }))
    .filter(({ score }) => score > 0)
    .sort((one, other) => other.score - one.score)
    .map(({ section }) => section);
}

function scoreOf(section, counts, rarity) {
  let score = 0;
  let found = 0;
  counts.forEach(({ title, page, text }, number) => {
    const points =
      (title ? 8 / Math.sqrt(section.title.split(" ").length) + 2 : 0)
      + (page ? 3 : 0)
      + Math.min(4, Math.log2(1 + text));
    found += title || page || text ? 1 : 0;
    score += points * rarity[number];
  });
  return score * (found / counts.length) ** 2 * section.weight;
}

function count(text, word) {
  return text.match(word)?.length ?? 0;
}

/** A part of *text* around the first of the words. */
function excerptOf(text, words) {
  const places = words.map((word) => text.search(word)).filter((place) => place >= 0);
  const begin = Math.max(0, Math.min(...places, text.length) - 60);
  const start = begin ? text.indexOf(" ", begin) + 1 : 0;
  return `${start ? "… " : ""}${text.slice(start, start + 220)}${start + 220 < text.length ? " …" : ""}`;
}

function show(sections, query, root) {
  const words = wordsOf(query).map((word) => new RegExp(`(?<![\\p{L}\\p{N}])${word}`, "iu"));
  const found = find(sections, query);
  document.getElementById("search-status").textContent =
    found.length > SHOWN
      ? `The best ${SHOWN} of ${found.length} sections`
      : found.length
        ? `${found.length} sections`
        : "Nothing found; check the spelling, or try another word";
  const list = document.getElementById("search-results");
  for (const section of found.slice(0, SHOWN)) {
    const item = list.appendChild(document.createElement("li"));
    const link = item.appendChild(document.createElement("a"));
    link.href = root + section.url;
    link.textContent =
      section.title === section.page ? section.page : `${section.page}: ${section.title}`;
    const excerpt = item.appendChild(document.createElement("p"));
    excerpt.textContent = excerptOf(section.text, words);
  }
}

if (typeof document === "undefined") {
  module.exports = { find };
} else {
  const query = new URLSearchParams(location.search).get("q") ?? "";
  document.querySelector("input[name=q]").value = query;
  if (query.trim()) show(SECTIONS, query, document.documentElement.dataset.content_root ?? "./");
}
