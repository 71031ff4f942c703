// The plant: the cooling graph and the power tree, drawn with what is measured at each part, and the same as a table.
// Responsible for: the drawing. Not for: who stands where (`/plant`), nor headroom, which the status has by the same names.

import { ask } from "./ask.js";
import { by, keep, setAttribute, setText, svg, table, twoLines } from "./dom.js";
import { known, quantity } from "./say.js";

const [WIDTH, GAP_X, GAP_Y, LINE, PAD] = [212, 60, 14, 16, 8];
const KINDS = { cooling: ["cooling"], power: ["branch"] };

let nets = [];
let lists;

/** What is left before a limit at a part: the least of those drawn as one. */
function headroom(status, net, node) {
  const kinds = node.kind === "rack" ? ["rack"] : KINDS[net.name];
  const names = node.members.length > 0 ? node.members : [node.id];
  const places = status.places.filter((p) => kinds.includes(p.kind) && names.includes(p.id));
  const left = (p) => (net.name === "power" && node.kind !== "rack" ? p.headroom_w : p.headroom_full_load_k) ?? Infinity;
  return places.sort((a, b) => left(a) - left(b))[0];
}

/** Lines of a part: its figures, and its headroom last. */
function lines(status, net, node) {
  const said = node.figures.map((f) => [f.what, known(f.value) ? quantity(f.value, f.unit) : `not known (${f.not_good})`]);
  const place = headroom(status, net, node);
  if (place && known(place.headroom_full_load_k) && !(net.name === "power" && node.kind !== "rack")) {
    said.push(["headroom at full load", quantity(place.headroom_full_load_k, "K", 1)]);
  } else if (place && net.name === "power" && known(place.headroom_w)) {
    said.push(["headroom", quantity(place.headroom_w, "W")]);
  }
  return said;
}

/** A part without room. */
function short(status, net, node) {
  const place = headroom(status, net, node);
  const left = net.name === "power" && node.kind !== "rack" ? place?.headroom_w : place?.headroom_full_load_k;
  return known(left) && left < 0;
}

/** Where each part stands: one column per layer, each as high as its lines. */
function placed(status, net) {
  const boxes = net.nodes.map((node) => ({ node, said: lines(status, net, node) }));
  const layers = [];
  for (const box of boxes) (layers[box.node.layer] ??= []).push(box);
  let height = 0;
  layers.forEach((column, layer) => {
    column.sort((a, b) => a.node.row - b.node.row);
    let y = 4;
    for (const box of column) {
      box.x = 4 + layer * (WIDTH + GAP_X);
      box.h = 2 * PAD + LINE * (2 + box.said.length);
      box.y = y;
      y += box.h + GAP_Y;
    }
    height = Math.max(height, y);
  });
  // A column that is lower stands in the middle.
  for (const column of layers) {
    const last = column.at(-1);
    const down = (height - GAP_Y - (last.y + last.h)) / 2;
    for (const box of column) box.y += down;
  }
  return { boxes, width: 8 + layers.length * WIDTH + (layers.length - 1) * GAP_X, height };
}

const cut = (text, n) => (text.length > n ? `${text.slice(0, n - 1)}\u2026` : text);

function drawBox(g, box, status, net) {
  const { node, said } = box;
  setAttribute(g, "transform", `translate(${box.x} ${box.y.toFixed(1)})`);
  setAttribute(g, "class", `part ${node.kind === "rack" ? "rack" : net.name}${short(status, net, node) ? " short" : ""}`);
  const rect = g.firstChild;
  setAttribute(rect, "height", String(box.h));
  const texts = [[node.id, node.kind], ...said.map(([what, value]) => [what, value])];
  keep(g.lastChild, texts.flatMap(([a, b], i) => (i === 0
    ? [{ k: "id", text: cut(a, 28), x: PAD, y: PAD + LINE - 4, of: "name" }, { k: "kind", text: b, x: PAD, y: PAD + 2 * LINE - 4, of: "soft" }]
    : [{ k: `w${i}`, text: cut(a, Math.max(12, 31 - b.length)), x: PAD, y: PAD + (i + 2) * LINE - 4, of: "soft" },
      { k: `v${i}`, text: cut(b, 18), x: WIDTH - PAD, y: PAD + (i + 2) * LINE - 4, of: "value" }])),
  (t) => t.k, () => svg("text"), (text, t) => {
    setText(text, t.text);
    setAttribute(text, "x", String(t.x));
    setAttribute(text, "y", String(t.y));
    setAttribute(text, "class", t.of);
  });
}

function draw(net, status) {
  const picture = by(net.name === "cooling" ? "plant-cooling" : "plant-power");
  const { boxes, width, height } = placed(status, net);
  setAttribute(picture, "viewBox", `0 0 ${width} ${Math.ceil(height)}`);
  setAttribute(picture, "width", String(width));
  setAttribute(picture, "height", String(Math.ceil(height)));
  if (!picture.firstElementChild) picture.append(svg("g"), svg("g"));
  const [edges, parts] = picture.children;
  keep(edges, net.edges, ([a, b]) => `${a} ${b}`, () => svg("path"), (path, [a, b]) => {
    const [from, to] = [boxes[a], boxes[b]];
    const [x1, y1, x2, y2] = [from.x + WIDTH, from.y + from.h / 2, to.x, to.y + to.h / 2];
    const bend = Math.max(24, (x2 - x1) / 2);
    setAttribute(path, "d", `M${x1} ${y1.toFixed(1)}C${x1 + bend} ${y1.toFixed(1)} ${x2 - bend} ${y2.toFixed(1)} ${x2} ${y2.toFixed(1)}`);
  });
  keep(parts, boxes, (box) => box.node.id, () => svg("g", {}, svg("rect", { width: WIDTH, rx: 4 }), svg("g")), (g, box) => drawBox(g, box, status, net));
}

const COLUMNS = (status, net) => [
  { head: "part", wide: true, cell: (n, node) => twoLines(node, n.id, n.kind) },
  { head: "serves", wide: true, cell: (n) => net().edges.filter(([a]) => net().nodes[a].id === n.id).map(([, b]) => net().nodes[b].id).join(", ") || "nothing here" },
  { head: "figures", wide: true, cell: (n) => lines(status(), net(), n).map(([what, value]) => `${what} ${value}`).join("; ") || "none" },
];

let now = null;

/** Builds the view once. */
export function begin() {
  const of = (name) => () => nets.find((net) => net.name === name);
  lists = ["cooling", "power"].map((name) => [name, table(by(`plant-${name}-list`), `Parts of the ${name} net`, COLUMNS(() => now, of(name)), (n) => n.id)]);
}

/** Asks for the figures. */
export async function poll() {
  nets = await ask("/plant");
}

/** Shows what is known. */
export function show({ status }) {
  now = status;
  for (const net of nets) draw(net, status);
  for (const [name, list] of lists) list(nets.find((net) => net.name === name)?.nodes ?? [], "The site file has none.");
}
