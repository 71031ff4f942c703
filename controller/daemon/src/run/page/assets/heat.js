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
/** Between racks, above them, and of a cell: largest and smallest, in pixels of the page. */
const GAP = 10;
const LABEL = 14;
const LARGEST = 30;
const SMALLEST = 4;

/** Colour of a step: red, green, blue. */
function mixed(step) {
  const at = (step / (STEPS - 1)) * (STOPS.length - 1);
  const i = Math.min(STOPS.length - 2, Math.floor(at));
  return STOPS[i].map((c, k) => Math.round(c + (STOPS[i + 1][k] - c) * (at - i)));
}

/** Colour of a step as CSS has it. */
export const colour = (step) => `rgb(${mixed(step).join(" ")})`;

/** Red, green and blue of `#rrggbb`. */
const parsed = (text) => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));

/** A colour as a canvas keeps it: one number for a dot. */
const dot = ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;

const PALETTE = new Uint32Array([...Array.from({ length: STEPS }, (_, i) => dot(mixed(i))), ...CATEGORIES.map((c) => dot(parsed(c)))]);

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
    this.paint = canvas.getContext("2d", { willReadFrequently: true });
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
    [this.x, this.y] = [new Uint32Array(gpus), new Uint32Array(gpus)];
    this.wanted = new Uint8Array(gpus).fill(UNKNOWN);
    this.drawn = new Uint8Array(gpus);
    this.nodeOf = new Uint32Array(gpus);
    layout.nodes.forEach((node, n) => this.nodeOf.fill(n, node.first, node.first + node.gpus));
    this.rackOf = new Map(this.racks.flatMap((rack, r) => rack.nodes.map((node) => [node.id, r])));
    this.width = 0;
  }

  /** Lays cells out for a width, as large as they may be within a height; `ratio` is dots for a pixel of the page. */
  fit(width, ratio, tallest) {
    if (!this.layout || (width === this.width && ratio === this.ratio)) return;
    [this.width, this.ratio, this.whole] = [width, ratio, true];
    for (let pixels = LARGEST; pixels >= SMALLEST; pixels -= 1) {
      this.cell = Math.round(pixels * ratio);
      this.canvas.height = this.lay();
      if (this.canvas.height <= tallest * ratio) break;
    }
    this.canvas.width = Math.round(width * ratio);
    this.canvas.style.height = `${this.canvas.height / ratio}px`;
  }

  /** Places every cell, in dots; returns the height. */
  lay() {
    const [gap, label, most] = [GAP * this.ratio, LABEL * this.ratio, this.width * this.ratio].map(Math.round);
    let [left, top, tall] = [0, 0, 0];
    for (const rack of this.racks) {
      const wide = rack.wide * this.cell;
      if (left > 0 && left + wide > most) [left, top, tall] = [0, top + tall + gap, 0];
      [rack.left, rack.top] = [left, top + label];
      rack.nodes.forEach((node, row) => {
        for (let i = 0; i < node.gpus; i += 1) {
          this.x[node.first + i] = left + i * this.cell;
          this.y[node.first + i] = rack.top + row * this.cell;
        }
      });
      tall = Math.max(tall, label + rack.nodes.length * this.cell);
      left += wide + gap;
    }
    return top + tall + 1;
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

  /** Draws what has changed; returns how many cells that were. Colours are `#rrggbb`. */
  draw(ink, ground) {
    if (!this.layout || this.width === 0) return 0;
    if (this.whole) this.clear(ink);
    const [line, empty] = [dot(parsed(ink)), dot(parsed(ground))];
    const { wanted, drawn } = this;
    let changed = 0;
    for (let gpu = 0; gpu < wanted.length; gpu += 1) {
      if (wanted[gpu] === drawn[gpu]) continue;
      changed += 1;
      if (wanted[gpu] === UNKNOWN) this.strike(gpu, line, empty);
      else this.fill(gpu, PALETTE[wanted[gpu]]);
    }
    drawn.set(wanted);
    if (this.cursor !== null) this.frame(line, empty);
    if (changed > 0 || this.cursor !== null) this.paint.putImageData(this.image, 0, 0);
    return changed;
  }

  /** One cell in one colour; one dot is left between cells. */
  fill(gpu, value) {
    const { dots, image, cell } = this;
    for (let row = 0; row < cell - 1; row += 1) {
      const from = (this.y[gpu] + row) * image.width + this.x[gpu];
      for (let at = from; at < from + cell - 1; at += 1) dots[at] = value;
    }
  }

  /** A frame in a cell, so many dots from its edge. */
  edge(gpu, value, inset) {
    const { dots, image } = this;
    const [first, last] = [inset, this.cell - 2 - inset];
    for (let i = first; i <= last; i += 1) {
      for (const [x, y] of [[i, first], [i, last], [first, i], [last, i]]) {
        dots[(this.y[gpu] + y) * image.width + this.x[gpu] + x] = value;
      }
    }
  }

  /** A frame and a stroke through what is not known. */
  strike(gpu, line, empty) {
    this.fill(gpu, empty);
    this.edge(gpu, line, 0);
    for (let i = 0; i < this.cell - 1; i += 1) {
      this.dots[(this.y[gpu] + this.cell - 2 - i) * this.image.width + this.x[gpu] + i] = line;
    }
  }

  /** Nothing but the names of racks, where they fit. */
  clear(ink) {
    const { paint, canvas } = this;
    this.whole = false;
    this.drawn.fill(NEVER);
    paint.clearRect(0, 0, canvas.width, canvas.height);
    paint.fillStyle = ink;
    paint.font = `${10 * this.ratio}px system-ui, sans-serif`;
    for (const rack of this.racks) {
      const room = rack.wide * this.cell + (GAP - 3) * this.ratio;
      const short = rack.id.replace(/^.*?(\d+)$/, "$1");
      const text = [rack.id, short].find((t) => paint.measureText(t).width <= room);
      if (text) paint.fillText(text, rack.left, rack.top - 4 * this.ratio);
    }
    this.image = paint.getImageData(0, 0, canvas.width, canvas.height);
    this.dots = new Uint32Array(this.image.data.buffer);
  }

  /** A frame around the cell that is read, seen on any colour. */
  frame(line, empty) {
    const wide = Math.max(1, Math.min(2, Math.floor(this.cell / 6)));
    for (let i = 0; i < wide; i += 1) this.edge(this.cursor, line, i);
    for (let i = wide; i < 2 * wide && this.cell - 2 - 2 * i > 0; i += 1) this.edge(this.cursor, empty, i);
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

  /** The GPU at a place of the canvas, in pixels of the page, if there is one. */
  at(x, y) {
    for (const rack of this.racks ?? []) {
      const [column, row] = [x * this.ratio - rack.left, y * this.ratio - rack.top].map((d) => Math.floor(d / this.cell));
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
