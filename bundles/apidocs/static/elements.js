// Builds elements. Strings always become text nodes, so markup in names and descriptions is shown
// as text.

let lastId = 0;

export function uniqueId(prefix) {
  lastId += 1;
  return `${prefix}-${lastId}`;
}

// Properties that begin with "on" are listeners, the others are attributes. Attributes that are
// undefined, null or false, and such children, are left out.
export function element(name, properties = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (isMissing(value)) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => !isMissing(child)));
  return node;
}

export function replaceChildren(node, ...children) {
  node.replaceChildren(...children.flat(Infinity).filter((child) => !isMissing(child)));
}

function isMissing(value) {
  return value === undefined || value === null || value === false;
}
