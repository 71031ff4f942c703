// Elements. Whatever the daemon says enters the page as text, never as markup.
// Responsible for: making elements, and changing only what has changed. Not for: what they say.

const SVG = "http://www.w3.org/2000/svg";

/** The element with this id of the page. */
export const by = (id) => document.getElementById(id);

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** An element with attributes; children are nodes or texts. */
export const el = (name, attributes = {}, ...children) => fill(document.createElement(name), attributes, children);

/** An element of a drawing. */
export const svg = (name, attributes = {}, ...children) =>
  fill(document.createElementNS(SVG, name), attributes, children);

/** Sets a text if it is another one: a reader that listens hears changes only. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Sets or takes away an attribute. */
export function setAttribute(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/** Keeps one child for each item, by key and in order; `make` builds it once, `update` fills it. */
export function keep(parent, items, key, make, update) {
  const known = new Map();
  for (const child of [...parent.children]) known.set(child.dataset.key, child);
  let at = parent.firstElementChild;
  for (const item of items) {
    const name = String(key(item));
    let child = known.get(name);
    known.delete(name);
    if (!child) {
      child = make(item);
      child.dataset.key = name;
    }
    if (child === at) at = at.nextElementSibling;
    else parent.insertBefore(child, at);
    update(child, item);
  }
  for (const gone of known.values()) gone.remove();
}

/**
 * A table that becomes a list of rows on a narrow screen. Roles are said, since the layout is not a table's there.
 * A column is { head, number, wide, cell(item, node) }; `cell` returns a text, or fills the node and returns nothing.
 */
export function table(parent, name, columns, key) {
  const kind = (c) => (c.number ? " number" : "") + (c.wide ? " wide" : "");
  const heads = columns.map((c) => el("div", { role: "columnheader", class: "th" + kind(c) }, c.head));
  const rows = el("div", { role: "rowgroup", class: "rows" });
  const none = el("p", { class: "soft" });
  const whole = el("div", { role: "table", class: "table", "aria-label": name },
    el("div", { role: "rowgroup", class: "heads" }, el("div", { role: "row", class: "tr" }, ...heads)), rows);
  parent.replaceChildren(whole, none);
  const make = () => {
    const cells = columns.map((c) =>
      el("div", { role: "cell", class: "td" + kind(c), "data-label": c.head }, el("div")));
    return el("div", { role: "row", class: "tr" }, ...cells);
  };
  const update = (row, item) => columns.forEach((c, i) => {
    const inner = row.children[i].firstElementChild;
    const text = c.cell(item, inner);
    if (text !== undefined) setText(inner, text);
  });
  return (items, empty) => {
    whole.hidden = items.length === 0;
    none.hidden = items.length > 0;
    setText(none, items.length > 0 ? "" : empty);
    keep(rows, items, key, make, update);
  };
}

/** Two lines in a cell: a text, and a softer one below it. */
export function twoLines(node, first, second) {
  if (node.childNodes.length !== 2) node.replaceChildren(el("span"), el("span", { class: "soft" }));
  setText(node.firstChild, first);
  setText(node.lastChild, second ?? "");
}

/** A bar with its share as a number. */
export function bar(node, share) {
  if (!node.firstChild) {
    node.append(el("span", { class: "bar", "aria-hidden": "true" }, el("i")), el("span", { class: "share" }));
  }
  const [outer, said] = node.children;
  outer.hidden = share === null;
  outer.className = `bar${share > 1 ? " over" : share > 0.9 ? " near" : ""}`;
  outer.firstChild.style.width = `${Math.min(100, Math.max(0, (share ?? 0) * 100)).toFixed(1)}%`;
  const word = share > 1 ? " over" : share > 0.9 ? " near" : "";
  setText(said, share === null ? "no budget" : `${(share * 100).toFixed(0)} %${word}`);
}
