/* The search of the site. Its index is a script with the text of every section, so that it also
 * works for files, without a server. */
"use strict";

const LETTER = "[\\p{L}\\p{N}_]";
const COMMON = new Set(
  ("a about an and are as at be by can do does for from get has have how i if in into is it its me my of "
    + "on or that the their there this to use want what when where which who why with you your").split(" ")
);
const SHOWN = 10;

/** What to look for: the words of *query*, each as a pattern. Words that the pages call differently
 * (see synonyms.js) are found by either name. */
function patternsOf(query, flags) {
  let rest = query.toLowerCase();
  const patterns = [];
  for (const [meaning, words] of Object.entries(SYNONYMS)) {
    for (const word of words) {
      const without = rest.replace(new RegExp(`(?<!${LETTER})${word}s?(?!${LETTER})`, "u"), " ");
      if (without !== rest) patterns.push(`${word}|${meaning}`);
      rest = without;
    }
  }
  const words = rest.match(/[\p{L}\p{N}_]+/gu) ?? [];
  const rare = words.filter((word) => !COMMON.has(word));
  patterns.push(...(rare.length || patterns.length ? rare : words).map(stemOf));
  return patterns.map((pattern) => new RegExp(`(?<![\\p{L}\\p{N}])(?:${pattern})`, flags));
}

/** A word without its ending: `uploads` and `uploading` find `upload`. But `redis` finds no
 * `redirect`. */
function stemOf(word) {
  return word.length > 4 ? word.replace(/(?:ing|ed|es|(?<![is])s)$/, "") : word;
}

/** The sections that fit *query* best, the best first. A query that is a public name finds it first. */
function find(sections, query) {
  const patterns = patternsOf(query, "giu");
  const counts = sections.map((section) =>
    patterns.map((pattern) => ({
      title: count(section.title, pattern),
      page: count(section.page, pattern),
      text: count(section.text, pattern),
    }))
  );
  const rarity = patterns.map((_, number) => {
    const found = counts.filter((each) => each[number].title || each[number].text).length;
    return Math.log(1 + sections.length / (1 + found));
  });
  return sections
    .map((section, index) => ({
      section,
      isNamed: section.name === query.trim(),
      score: scoreOf(section, counts[index], rarity),
    }))
    .filter(({ score }) => score > 0)
    .sort((one, other) => other.isNamed - one.isNamed || other.score - one.score)
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

/** A part of *text* around the first match. */
function excerptOf(text, patterns) {
  const places = patterns.map((pattern) => text.search(pattern)).filter((place) => place >= 0);
  const begin = Math.max(0, Math.min(...places, text.length) - 60);
  const start = begin ? text.indexOf(" ", begin) + 1 : 0;
  return `${start ? "… " : ""}${text.slice(start, start + 220)}${start + 220 < text.length ? " …" : ""}`;
}

function show(sections, query, root) {
  const patterns = patternsOf(query, "iu");
  const found = find(sections, query);
  document.getElementById("search-status").textContent = found.length
    ? `${found.length} sections, the best first`
    : "Nothing found; check the spelling, or try another word";
  const list = document.getElementById("search-results");
  const more = document.getElementById("search-more");
  const showMore = () => {
    for (const section of found.splice(0, SHOWN)) list.append(itemOf(section, patterns, root));
    more.hidden = !found.length;
  };
  more.addEventListener("click", showMore);
  showMore();
}

function itemOf(section, patterns, root) {
  const item = document.createElement("li");
  const link = item.appendChild(document.createElement("a"));
  link.href = root + section.url;
  link.textContent =
    section.title === section.page ? section.page : `${section.page}: ${section.title}`;
  const excerpt = item.appendChild(document.createElement("p"));
  excerpt.textContent = excerptOf(section.text, patterns);
  return item;
}

if (typeof document !== "undefined") {
  const query = new URLSearchParams(location.search).get("q") ?? "";
  document.querySelector("input[name=q]").value = query;
  if (query.trim()) show(SECTIONS, query, document.documentElement.dataset.content_root ?? "./");
}
