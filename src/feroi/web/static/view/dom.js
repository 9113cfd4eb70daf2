/* Elements from code: the page has no templates, and its policy no inline styles. */

/** An element with properties, `aria` attributes (the role among them) and children. */
export function make(tag, { aria = {}, ...properties } = {}, ...children) {
  const element = document.createElement(tag);
  Object.assign(element, properties);
  for (const [name, value] of Object.entries(aria)) element.setAttribute(name === "role" ? name : `aria-${name}`, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

export function byId(id) {
  return document.getElementById(id);
}

/** A share as "98 %", which no line ends in. */
export function percent(share) {
  return `${(100 * share).toFixed(0)}\u00a0%`;
}

/** A bar as long as a share, for the eye alone: the number stands beside it. */
export function bar(share, kind = "") {
  const filled = make("span", { className: kind });
  filled.style.width = `${Math.min(100 * share, 100).toFixed(1)}%`;
  return make("span", { className: "bar", aria: { hidden: "true" } }, filled);
}

export function count(number, word) {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}
