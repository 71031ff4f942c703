// A heat map of GPUs on one canvas: racks as blocks, nodes as rows in them, GPUs as cells.
// Responsible for: where each cell is, and drawing only what has changed. Not for: what the numbers mean.

/** Colours of the scale, dark to light; seen alike by the colour-blind (cividis). */
const STOPS = [[0, 34, 78], [53, 69, 108], [102, 105, 112], [148, 142, 119], [200, 184, 102], [254, 232, 56]];
/** Steps of the scale. */
export const STEPS = 64;
/** Colours of reasons, by the worst that stands; the first is none. */
export const CATEGORIES = ["#7d8a97", "#56b4e9", "#e69f00", "#d55e00", "#cc79a7", "#f0e442"];
/** Colour numbers: the scale, the categories, then what is not known. */
const FIRST_CATEGORY = STEPS;
export const UNKNOWN = STEPS + CATEGORIES.length;
const NEVER = 255;
const GAP = 10;
const LABEL = 14;
const LARGEST = 30;
const SMALLEST = 4;

/** Colour of a step as CSS has it. */
export function colour(step) {
  const at = (step / (STEPS - 1)) * (STOPS.length - 1);
  const i = Math.min(STOPS.length - 2, Math.floor(at));
  const mix = STOPS[i].map((c, k) => Math.round(c + (STOPS[i + 1][k] - c) * (at - i)));
  return `rgb(${mix.join(" ")})`;
}

const PALETTE = [...Array.from({ length: STEPS }, (_, i) => colour(i)), ...CATEGORIES];

/** Racks in order, each with its nodes. */
function racksOf(layout) {
  const racks = new Map();
  for (const node of layout.nodes) {
    if (!racks.has(node.rack)) racks.set(node.rack, { id: node.rack, nodes: [], wide: 1 });
    const rack = racks.get(node.rack);
    rack.nodes.push(node);
    rack.wide = Math.max(rack.wide, node.gpus);
  }
  return [...racks.values()];
}

/** A heat map on a canvas. */
export class Heat {
  constructor(canvas) {
    this.canvas = canvas;
    this.paint = canvas.getContext("2d");
    this.layout = null;
    this.width = 0;
    this.cursor = null;
    /** Everything is to be drawn anew. */
    this.whole = true;
  }

  /** Takes a layout: who is where. */
  place(layout) {
    this.layout = layout;
    const gpus = layout.uuids.length;
    this.racks = racksOf(layout);
    [this.x, this.y] = [new Float32Array(gpus), new Float32Array(gpus)];
    this.wanted = new Uint8Array(gpus).fill(UNKNOWN);
    this.drawn = new Uint8Array(gpus);
    this.order = new Uint32Array(gpus);
    this.starts = new Uint32Array(UNKNOWN + 2);
    this.nodeOf = new Uint32Array(gpus);
    layout.nodes.forEach((node, n) => this.nodeOf.fill(n, node.first, node.first + node.gpus));
    this.rackOf = new Map(this.racks.flatMap((rack, r) => rack.nodes.map((node) => [node.id, r])));
    this.width = 0;
  }

  /** Lays cells out for a width, as large as they may be within a height. */
  fit(width, ratio, tallest) {
    if (!this.layout || (width === this.width && ratio === this.ratio)) return;
    [this.width, this.ratio] = [width, ratio];
    for (this.cell = LARGEST; this.cell > SMALLEST; this.cell -= 1) {
      if (this.lay() <= tallest) break;
    }
    const height = this.lay();
    this.canvas.style.height = `${height}px`;
    [this.canvas.width, this.canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    this.whole = true;
  }

  /** Places every cell; returns the height. */
  lay() {
    let [left, top, tall] = [0, 0, 0];
    for (const rack of this.racks) {
      const wide = rack.wide * this.cell;
      if (left > 0 && left + wide > this.width) [left, top, tall] = [0, top + tall + GAP, 0];
      [rack.left, rack.top] = [left, top];
      rack.nodes.forEach((node, row) => {
        for (let i = 0; i < node.gpus; i += 1) {
          this.x[node.first + i] = left + i * this.cell;
          this.y[node.first + i] = top + LABEL + row * this.cell;
        }
      });
      tall = Math.max(tall, LABEL + rack.nodes.length * this.cell);
      left += wide + GAP;
    }
    return top + tall + 2;
  }

  /** Takes values and a scale; a value that is none is not known. */
  scale(values, low, high) {
    const span = high > low ? high - low : 1;
    for (let i = 0; i < values.length; i += 1) {
      const v = values[i];
      this.wanted[i] = v === null ? UNKNOWN : Math.max(0, Math.min(STEPS - 1, Math.floor(((v - low) / span) * STEPS)));
    }
  }

  /** Takes reasons as bits: the worst that stands has its colour. */
  categories(bits) {
    for (let i = 0; i < bits.length; i += 1) {
      const b = bits[i];
      this.wanted[i] = b === null ? UNKNOWN : FIRST_CATEGORY + (b === 0 ? 0 : 32 - Math.clz32(b));
    }
  }

  /** Draws what has changed, colour by colour. */
  draw(ink, ground) {
    const { paint, wanted, drawn } = this;
    if (!this.layout || this.width === 0) return 0;
    paint.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    if (this.whole) this.clear(ink);
    const changed = this.sort();
    const size = this.cell - 1;
    for (let c = 0; c <= UNKNOWN; c += 1) {
      const [from, to] = [this.starts[c], this.starts[c + 1]];
      if (from === to) continue;
      paint.fillStyle = c === UNKNOWN ? ground : PALETTE[c];
      for (let k = from; k < to; k += 1) {
        const g = this.order[k];
        paint.fillRect(this.x[g], this.y[g], size, size);
      }
      if (c === UNKNOWN) this.strike(from, to, size, ink);
    }
    drawn.set(wanted);
    this.mark(ink, ground);
    return changed;
  }

  /** What has changed, in order of colour; `starts` tells where each begins. */
  sort() {
    const { wanted, drawn, starts, order } = this;
    starts.fill(0);
    for (let i = 0; i < wanted.length; i += 1) if (wanted[i] !== drawn[i]) starts[wanted[i] + 1] += 1;
    for (let c = 1; c < starts.length; c += 1) starts[c] += starts[c - 1];
    const next = starts.slice();
    for (let i = 0; i < wanted.length; i += 1) if (wanted[i] !== drawn[i]) order[next[wanted[i]]++] = i;
    return starts[UNKNOWN + 1];
  }

  /** A stroke through what is not known. */
  strike(from, to, size, ink) {
    const { paint } = this;
    paint.strokeStyle = ink;
    paint.lineWidth = 0.8;
    paint.beginPath();
    for (let k = from; k < to; k += 1) {
      const g = this.order[k];
      paint.rect(this.x[g] + 0.4, this.y[g] + 0.4, size - 0.8, size - 0.8);
      paint.moveTo(this.x[g] + 1, this.y[g] + size - 1);
      paint.lineTo(this.x[g] + size - 1, this.y[g] + 1);
    }
    paint.stroke();
  }

  /** Nothing but the names of racks, where they fit. */
  clear(ink) {
    const { paint } = this;
    this.whole = false;
    this.drawn.fill(NEVER);
    paint.clearRect(0, 0, this.width, this.canvas.height / this.ratio);
    paint.fillStyle = ink;
    paint.font = "10px system-ui, sans-serif";
    for (const rack of this.racks) {
      const room = rack.wide * this.cell + GAP - 3;
      const short = rack.id.replace(/^.*?(\d+)$/, "$1");
      const text = [rack.id, short].find((t) => paint.measureText(t).width <= room);
      if (text) paint.fillText(text, rack.left, rack.top + 10);
    }
  }

  /** A frame around the cell that is read; the cell below it is drawn anew when it moves. */
  mark(ink, ground) {
    if (this.cursor === null) return;
    const [x, y, size] = [this.x[this.cursor], this.y[this.cursor], this.cell - 1];
    for (const [colour, inset] of [[ink, 0.75], [ground, 2]]) {
      if (size - 2 * inset <= 0) continue;
      this.paint.strokeStyle = colour;
      this.paint.lineWidth = 1.5;
      this.paint.strokeRect(x + inset, y + inset, size - 2 * inset, size - 2 * inset);
    }
  }

  /** Moves the frame. */
  move(gpu) {
    if (this.cursor !== null && this.drawn) this.drawn[this.cursor] = NEVER;
    this.cursor = gpu;
  }

  /** Draws everything anew at the next time: colours of the page have changed. */
  renew() {
    this.whole = true;
  }

  /** The GPU at a place of the canvas, if there is one. */
  at(x, y) {
    for (const rack of this.racks ?? []) {
      const [column, row] = [Math.floor((x - rack.left) / this.cell), Math.floor((y - rack.top - LABEL) / this.cell)];
      const node = rack.nodes[row];
      if (node && column >= 0 && column < node.gpus) return node.first + column;
    }
    return null;
  }

  /** The GPU beside one, by key; none where the key is not ours. */
  step(gpu, key) {
    const last = this.layout.uuids.length - 1;
    const node = this.layout.nodes[this.nodeOf[gpu]];
    const rack = this.rackOf.get(node.id);
    const nodes = this.racks[rack].nodes;
    const row = nodes.indexOf(node);
    const beside = (to) => (to ? to.first + Math.min(gpu - node.first, to.gpus - 1) : gpu);
    const first = (r) => this.racks[r]?.nodes[0].first ?? gpu;
    const steps = {
      ArrowLeft: () => Math.max(0, gpu - 1),
      ArrowRight: () => Math.min(last, gpu + 1),
      ArrowUp: () => beside(nodes[row - 1] ?? this.racks[rack - 1]?.nodes.at(-1)),
      ArrowDown: () => beside(nodes[row + 1] ?? this.racks[rack + 1]?.nodes[0]),
      PageUp: () => first(rack - 1),
      PageDown: () => first(rack + 1),
      Home: () => 0,
      End: () => last,
    };
    return steps[key]?.() ?? null;
  }
}
