// Tabs that work with the keyboard (ARIA Authoring Practices, "Tabs").

import { element, uniqueId } from "./elements.js";

// *tabs* is a list of {key, title, content}; *onSelect* gets the key that the user selected.
// Returns {elements, select}; select(key) shows the tab with the key, if there is one.
export function tabView(tabs, onSelect) {
  const rows = tabs.map(({ key, title, content }) => {
    const [tabId, panelId] = [uniqueId("tab"), uniqueId("panel")];
    const tab = element(
      "button",
      { type: "button", role: "tab", id: tabId, "aria-controls": panelId },
      title,
    );
    const panel = element(
      "div",
      { role: "tabpanel", id: panelId, "aria-labelledby": tabId },
      content,
    );
    return { key, tab, panel };
  });

  function select(key) {
    for (const row of rows) {
      const isSelected = row.key === key;
      row.tab.setAttribute("aria-selected", String(isSelected));
      row.tab.tabIndex = isSelected ? 0 : -1;
      row.panel.hidden = !isSelected;
    }
  }

  rows.forEach(({ key, tab }, index) => {
    const choose = (row) => {
      select(row.key);
      row.tab.focus();
      onSelect(row.key);
    };
    tab.addEventListener("click", () => choose(rows[index]));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      choose(rows.at((index + step) % rows.length));
    });
  });
  select(rows[0].key);
  return {
    elements: [
      element(
        "div",
        { role: "tablist", "aria-label": "Transport" },
        rows.map(({ tab }) => tab),
      ),
      rows.map(({ panel }) => panel),
    ],
    select: (key) => rows.some((row) => row.key === key) && select(key),
  };
}
