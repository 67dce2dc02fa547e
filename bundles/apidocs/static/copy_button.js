// A button that copies a text to the clipboard.

import { element } from "./elements.js";

export function copyButton(read) {
  const button = element("button", { type: "button" }, "Copy");
  button.addEventListener("click", async () => {
    button.textContent = await copied(read());
  });
  return button;
}

// Pages that are not loaded over HTTPS or from this machine have no clipboard.
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return "Copied";
  } catch {
    return "Not copied: the browser refused";
  }
}
