// Interactive drawing of a padded window: the window moves over the padded input while the output fills; a cell that is
// pointed at lights up its partners. `mount` builds it inside an element from the data of convpad.display.interactive.
// Its state is the window shown, whether values are numbers, and the pinned cell: { step: 0, numbers: false, pin: "tap:0,1" }.

const SVG = "http://www.w3.org/2000/svg";
const CELL = 26, GAP = 22, MARGIN = 2, MOST_LETTERS = 260;
const NOTHING = { terms: [] };

function element(name, attributes = {}, parent = null, text = null) {
  const made = name === "svg" || parent?.namespaceURI === SVG
    ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== null) made.textContent = text;
  parent?.append(made);
  return made;
}

// Positions along one axis of a grid: pixels of each, and of the dots in the place of those left out.
function layout(positions) {
  const offsets = new Map(), gaps = [];
  let at = MARGIN, expected = positions[0];
  for (const position of positions) {
    if (position !== expected) { gaps.push(at); at += GAP; }
    offsets.set(position, at);
    at += CELL;
    expected = position + 1;
  }
  return { offsets, gaps, length: at + MARGIN };
}

const isInside = (axis, position) => position >= 0 && position < axis.size;

// The values of the input that stand at a padded place, as [[place, weight], ...], and the constant beside them. Axes are
// extended in order, so at a corner the last axis that is outside decides.
export function contents(axes, place) {
  let last = axes.length - 1;
  while (last >= 0 && isInside(axes[last], place[last])) last -= 1;
  if (last < 0) return { terms: [[place, 1]], fill: null };
  const outside = axes[last].outside[place[last]] ?? NOTHING;
  if (!outside.terms.length) return { terms: [], fill: outside.fill ?? "0" };
  const sum = new Map();
  let fill = null;
  for (const [index, weight] of outside.terms) {
    const inner = contents(axes, place.with(last, index));
    fill = inner.fill ?? fill;
    for (const [source, factor] of inner.terms) {
      const key = source.join();
      sum.set(key, [source, (sum.get(key)?.[1] ?? 0) + weight * factor]);
    }
  }
  return { terms: [...sum.values()].filter(([, weight]) => weight), fill };
}

const order = (axes, place) => place.reduce((sum, position, axis) => sum * axes[axis].size + position, 0);

// The letter of a value; of a large input, where letters would be long, its place.
function letter(axes, place) {
  const index = order(axes, place);
  if (axes.reduce((all, axis) => all * axis.size, 1) > MOST_LETTERS) return `x${named(place)}`;
  const name = String.fromCharCode(97 + (index % 26));
  return index < 26 ? name : name + Math.floor(index / 26);
}

// A value in letters: `c`, `2a-b`, `0`, and for a place that holds nothing `-`.
function inLetters(axes, { terms, fill }) {
  const words = terms.map(([place, weight], index) => {
    const size = Math.abs(weight) === 1 ? "" : Math.abs(weight);
    return (weight < 0 ? "-" : index ? "+" : "") + size + letter(axes, place);
  });
  if (fill !== null && (fill !== "0" || !terms.length)) words.push((terms.length ? "+" : "") + fill);
  return words.join("");
}

function inNumbers(axes, { terms, fill }) {
  if (fill === "-") return null;
  const constant = fill === null ? 0 : Number(fill);
  return terms.reduce((sum, [place, weight]) => sum + weight * (1 + order(axes, place)), Number.isNaN(constant) ? 0 : constant);
}

const short = (value) => String(Math.round(value * 100) / 100);
const product = (lists) => lists.reduce((all, list) => all.flatMap((head) => list.map((one) => [...head, one])), [[]]);
const named = (place) => (place.length === 1 ? `[${place[0]}]` : `[${place.join(", ")}]`);

// One grid of cells in an SVG: rows and columns, or a row alone.
class Grid {
  constructor(parent, title, axes, kind, onPoint) {
    this.kind = kind;
    this.cells = new Map();
    const [rows, columns] = axes.length === 2 ? axes.map(layout) : [layout([0]), layout(axes[0])];
    const figure = element("figure", {}, parent);
    element("figcaption", {}, figure, title);
    const scroll = element("div", { class: "window-scroll" }, figure);
    const size = { width: columns.length, height: rows.length, viewBox: `0 0 ${columns.length} ${rows.length}` };
    const svg = element("svg", { ...size, role: "application", "aria-label": `${title}: arrow keys walk over its cells, Enter pins one`, tabindex: 0, "data-grid": kind }, scroll);
    this.svg = svg;
    for (const gap of columns.gaps) element("text", { x: gap + GAP / 2, y: MARGIN + CELL / 2, class: "dots" }, svg, "…");
    for (const gap of rows.gaps) element("text", { x: MARGIN + CELL / 2, y: gap + GAP / 2, class: "dots" }, svg, "⋮");
    this.rows = [...rows.offsets.keys()];
    this.columns = [...columns.offsets.keys()];
    for (const [row, y] of rows.offsets) {
      for (const [column, x] of columns.offsets) {
        const place = axes.length === 2 ? [row, column] : [column];
        const group = element("g", { class: `cell ${kind}`, "data-place": place.join() }, svg);
        element("rect", { x, y, width: CELL, height: CELL, class: "back" }, group);
        element("rect", { x: x + 2, y: y + 2, width: CELL - 4, height: CELL - 4, class: "ring" }, group);
        const text = element("text", { x: x + CELL / 2, y: y + CELL / 2 }, group);
        group.addEventListener("pointerenter", (event) => event.pointerType !== "touch" && onPoint(kind, place, false));
        group.addEventListener("click", () => onPoint(kind, place, true));
        this.cells.set(place.join(), { group, text, place });
      }
    }
    svg.addEventListener("pointerleave", () => onPoint(null, null, false));
    svg.addEventListener("blur", () => onPoint(null, null, false));
    svg.addEventListener("keydown", (event) => this.move(event, axes.length, onPoint));
  }

  // Arrow keys walk over the cells, Enter pins one.
  move(event, rank, onPoint) {
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    if (event.key === "Enter" && this.at) onPoint(this.kind, this.at, true);
    if (!(event.key in steps)) return;
    event.preventDefault();
    const [down, right] = steps[event.key];
    const [row, column] = rank === 2 ? (this.at ?? [this.rows[0], this.columns[0]]) : [0, (this.at ?? [this.columns[0]])[0]];
    const next = (list, value, step) => list[Math.min(Math.max(list.indexOf(value) + step, 0), list.length - 1)];
    const [y, x] = this.at ? [next(this.rows, row, down), next(this.columns, column, right)] : [row, column];
    this.at = rank === 2 ? [y, x] : [x];
    onPoint(this.kind, this.at, false);
  }

  write(text) {
    for (const cell of this.cells.values()) {
      const word = text(cell.place);
      cell.text.textContent = word;
      cell.text.style.fontSize = word.length > 2 ? `${Math.max(28 / word.length, 5)}px` : "";
    }
  }

  mark(name, places) {
    for (const cell of this.cells.values()) cell.group.classList.remove(name);
    for (const place of places) this.cells.get(place.join())?.group.classList.add(name);
  }
}

// The drawing of one window over one or two axes.
class Drawing {
  constructor(root, data, { step = 0, numbers = false, pin = "" }, changed) {
    Object.assign(this, { root, data, axes: data.axes, step: 0, numbers, timer: null, pinned: null, changed: () => {} });
    this.pool = data.op.endsWith("_pool");
    this.transposed = data.op === "conv_transpose";
    [this.strip, this.moving] = this.transposed ? ["y", "x"] : ["x", "y"];
    root.replaceChildren();
    root.classList.add("window");
    this.windows = product(this.axes.map((axis) => axis.windows));
    if (this.windows[step]) this.step = step;
    const point = (kind, place, pins) => this.point(kind, place, pins);
    const grids = element("div", { class: "window-grids" }, root);
    this.padded = new Grid(grids, data.padded, this.axes.map((axis) => axis.positions), "padded", point);
    this.kernel = new Grid(grids, this.pool ? "window" : "kernel", this.axes.map((axis) => axis.taps.map((_, i) => i)), "tap", point);
    this.output = new Grid(grids, data.outputs, this.axes.map((axis) => axis.windows), "output", point);
    this.contents = new Map();
    for (const { place } of this.padded.cells.values()) this.contents.set(place.join(), contents(this.axes, place));
    this.controls(root);
    this.formula = element("p", { class: "window-formula" }, root);
    this.says = element("p", { class: "window-says", "aria-live": "polite" }, root);
    this.details = element("details", { class: "window-tables" }, root);
    element("summary", {}, this.details, "the same as tables");
    this.details.addEventListener("toggle", () => this.tables());
    for (const { group, place } of this.padded.cells.values()) {
      const inside = place.every((position, axis) => isInside(this.axes[axis], position));
      group.classList.toggle("outside", !inside);
      group.classList.toggle("unread", !place.every((position, axis) => this.axes[axis].read.includes(position)));
    }
    this.kernel.write((place) => (this.pool ? "" : `k${place.join("")}`));
    this.show();
    const [kind, place] = pin.split(":");
    const cell = this.grid(kind)?.cells.get(place);
    if (cell) this.point(kind, cell.place, true);
    this.changed = changed; // from here on: the state given is no change
  }

  report() {
    const pin = this.pinned ? `${this.pinned.kind}:${this.pinned.place.join()}` : "";
    this.changed({ step: this.step, numbers: this.numbers, pin });
  }

  controls(root) {
    const bar = element("div", { class: "window-controls" }, root);
    this.button = element("button", { type: "button", "aria-label": "play" }, bar, "▶ play");
    this.slider = element("input", { type: "range", min: 0, max: this.windows.length - 1, value: 0, "aria-label": "window" }, bar);
    const pace = element("label", {}, bar, "speed ");
    this.speed = element("select", {}, pace);
    for (const factor of ["¼", "½", "1", "2", "4"]) element("option", {}, this.speed, factor);
    this.speed.selectedIndex = 2;
    this.speed.addEventListener("change", () => { if (this.timer) { this.stop(); this.play(); } });
    const label = element("label", {}, bar);
    const box = element("input", { type: "checkbox" }, label);
    label.append(" numbers");
    this.slider.addEventListener("input", () => { this.stop(); this.step = Number(this.slider.value); this.show(); this.report(); });
    this.button.addEventListener("click", () => (this.timer ? (this.stop(), this.report()) : this.play()));
    box.checked = this.numbers;
    box.addEventListener("change", () => { this.numbers = box.checked; this.show(); this.tables(); this.report(); });
    root.addEventListener("keydown", (event) => event.key === "Escape" && this.point(null, null, true));
  }

  play() {
    this.button.textContent = "❚❚ pause";
    this.button.setAttribute("aria-label", "pause");
    this.timer = setInterval(() => {
      if (!this.root.isConnected) { this.stop(); return; }
      this.step = (this.step + 1) % this.windows.length;
      this.show();
    }, Math.max(120, Math.min(700, 9000 / this.windows.length)) * 2 ** (2 - this.speed.selectedIndex));
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.button.textContent = "▶ play";
    this.button.setAttribute("aria-label", "play");
  }

  // The padded places that a window reads, tap by tap.
  reads(window) {
    return product(window.map((step, axis) => {
      const { taps, stride, before } = this.axes[axis];
      return taps.map((tap) => step * stride - before + tap);
    }));
  }

  show() {
    const window = this.windows[this.step];
    this.slider.value = this.step;
    this.slider.setAttribute("aria-valuetext", `window ${this.step + 1} of ${this.windows.length}`);
    this.padded.write((place) => {
      const word = this.word(this.contents.get(place.join()));
      return word.includes("[") ? "" : word;
    });
    const done = new Set(this.windows.slice(0, this.step + 1).map(String));
    if (this.pinned?.kind === "output") done.add(String(this.pinned.place));
    this.output.write((place) => (done.has(String(place)) ? this.result(place) : ""));
    this.output.mark("done", this.windows.slice(0, this.step + 1));
    if (this.pinned) {
      if (this.pinned.kind === "output") this.formula.textContent = this.sum(this.pinned.place);
      return;
    }
    this.markWindow(window);
    this.output.mark("current", [window]);
    this.formula.textContent = this.sum(window);
  }

  // Frames what a window reads, each place in the colour of the tap that it meets. A pool's taps are all the same.
  markWindow(window) {
    const reads = this.reads(window);
    this.padded.mark("window", reads);
    if (this.pool) return;
    const taps = [...this.kernel.cells.values()];
    reads.forEach((place, tap) => {
      for (const cell of [taps[tap], this.padded.cells.get(place.join())]) cell?.group.style.setProperty("--tap", `hsl(${(360 * tap) / taps.length} 75% 42%)`);
    });
  }

  word(value) {
    if (!value) return "";
    if (value.fill === "-") return "–";
    if (!this.numbers) return inLetters(this.axes, value);
    return short(inNumbers(this.axes, value));
  }

  values(window) {
    return this.reads(window).map((place) => contents(this.axes, place));
  }

  result(window) {
    if (!this.numbers) return this.transposed ? letter(this.axes.map((axis) => ({ size: axis.windows.at(-1) + 1 })), window) : "";
    if (this.transposed) return "1";
    const values = this.values(window).map((value) => inNumbers(this.axes, value)).filter((value) => value !== null);
    if (this.data.op === "max_pool") return values.length ? short(Math.max(...values)) : "–";
    const sum = values.reduce((total, value) => total + value, 0);
    const taps = this.reads(window).length;
    if (this.data.op === "average_pool") return values.length ? short(sum / values.length) : "0";
    return short(values.length ? (sum * taps) / values.length : 0);
  }

  sum(window) {
    const name = `${this.moving}${named(window)}`;
    const values = this.values(window), covered = values.filter((value) => value.fill !== "-");
    const words = values.map((value) => this.word(value));
    if (this.transposed) return `${name} is multiplied by the kernel and added to ${words.length} places: ${words.join(", ")}`;
    const inner = (word) => (/[+-]./.test(word) ? `(${word})` : word);
    if (this.data.op === "max_pool") return `${name} = max(${covered.map((value) => this.word(value)).join(", ")})`;
    if (this.data.op === "average_pool") return `${name} = (${covered.map((value) => inner(this.word(value))).join(" + ")}) / ${covered.length}`;
    const kernels = [...this.kernel.cells.values()].map(({ place }) => `k${place.join("")}`);
    const terms = values.map((value, tap) => (value.fill === "-" ? null : `${kernels[tap]}·${inner(words[tap])}`)).filter(Boolean);
    const scale = covered.length < values.length ? ` · ${values.length}/${covered.length}` : "";
    const sum = terms.join(" + ") || "0";
    const equals = this.numbers ? ` = ${this.result(window)} with a kernel of ones` : "";
    return `${name} = ${scale ? `(${sum})${scale}` : sum}${equals}`;
  }

  // Lights the partners of a cell: of a padded place its sources, copies and windows; of an output its places; of a tap all
  // that it reads.
  point(kind, place, pins) {
    if (pins) {
      const same = this.pinned && this.pinned.kind === kind && String(this.pinned.place) === String(place);
      this.pinned = place && !same ? { kind, place } : null;
      this.padded.mark("pinned", []); this.output.mark("pinned", []); this.kernel.mark("pinned", []);
      if (this.pinned) this.grid(kind).mark("pinned", [place]);
      this.show();
      this.report();
    } else if (this.pinned) return;
    for (const grid of [this.padded, this.output, this.kernel]) for (const name of ["source", "partner", "window", "current", "at"]) grid.mark(name, []);
    if (!place) { this.says.textContent = ""; this.show(); return; }
    this.grid(kind).mark("at", [place]);
    if (kind === "output") this.pointOutput(place);
    if (kind === "tap") this.pointTap(place);
    if (kind === "padded") this.pointPadded(place);
  }

  // What the drawing shows, for those who do not see it: the padded axes, and each window's formula.
  tables() {
    for (const old of this.details.querySelectorAll("div")) old.remove();
    if (!this.details.open) return;
    const plane = this.axes.length === 2;
    const add = (title, head, rows) => {
      const table = element("table", {}, element("div", { class: "window-scroll" }, this.details));
      element("caption", {}, table, title);
      if (head.length) {
        const line = element("tr", {}, element("thead", {}, table));
        for (const text of head) element("th", { scope: "col" }, line, text);
      }
      const body = element("tbody", {}, table);
      for (const [name, ...cells] of rows) {
        const line = element("tr", {}, body);
        element("th", { scope: "row" }, line, name);
        for (const text of cells) element("td", {}, line, text);
      }
    };
    const { rows, columns } = this.padded;
    const word = (place) => this.word(this.contents.get(place.join()));
    add(this.data.padded, ["", ...columns], rows.map((row) => [plane ? row : "", ...columns.map((column) => word(plane ? [row, column] : [column]))]));
    add(this.data.outputs, [], this.windows.map((window) => {
      const name = `${this.moving}${named(window)}`;
      return [name, this.sum(window).slice(name.length + 1)];
    }));
  }

  grid(kind) { return { padded: this.padded, output: this.output, tap: this.kernel }[kind]; }

  sources(places) {
    return places.flatMap((place) => contents(this.axes, place).terms.map(([source]) => source));
  }

  pointOutput(place) {
    const reads = this.reads(place);
    this.markWindow(place);
    this.padded.mark("source", this.sources(reads));
    this.formula.textContent = this.sum(place);
    this.says.textContent = `${this.moving}${named(place)} ${this.transposed ? "reaches" : "reads"} ${reads.length} places.`;
  }

  pointTap(place) {
    const index = [...this.kernel.cells.values()].findIndex((cell) => String(cell.place) === String(place));
    const reads = this.windows.map((window) => this.reads(window)[index]);
    this.padded.mark("partner", reads);
    const outside = new Set(reads.filter((one) => one.some((position, axis) => !isInside(this.axes[axis], position))).map(String));
    this.says.textContent = `This tap reads ${new Set(reads.map(String)).size} places, ${outside.size} of them padding.`;
  }

  pointPadded(place) {
    const value = contents(this.axes, place);
    const inside = place.every((position, axis) => isInside(this.axes[axis], position));
    const origins = new Set(value.terms.map(([source]) => String(source)));
    const copies = [...this.padded.cells.values()].map((cell) => cell.place)
      .filter((other) => this.contents.get(String(other)).terms.some(([source]) => origins.has(String(source))));
    const readers = this.windows.filter((window) => this.reads(window).some((one) => String(one) === String(place)));
    this.padded.mark("source", value.terms.map(([source]) => source));
    this.padded.mark("partner", inside ? copies : [place]);
    this.output.mark("partner", readers);
    const what = inside ? `${this.strip}${named(place)}` : `padding at ${named(place)}`;
    const terms = value.terms.map(([source, weight]) => `${weight === 1 ? "" : `${weight} · `}${this.strip}${named(source)}`);
    if (value.fill && value.fill !== "-" && (value.fill !== "0" || !terms.length)) terms.push(value.fill);
    const verb = this.transposed ? "is added to" : "holds";
    let held = terms.length && !inside ? ` ${verb} ${terms.join(" + ")}` : "";
    if (!inside && this.transposed && !value.terms.length) held = " is cropped";
    else if (value.fill === "-") held = " holds nothing";
    const others = inside && copies.length > 1 ? ` stands at ${copies.length - 1} padded ${copies.length === 2 ? "place" : "places"}` : "";
    const [one, several] = this.transposed ? ["input reaches", "inputs reach"] : ["window reads", "windows read"];
    this.says.textContent = `${what}${held}${others}; ${readers.length} ${readers.length === 1 ? one : several} it.`;
  }
}

export function mount(root, data, state = {}, changed = () => {}) {
  if (data.axes.length <= 2) return [new Drawing(root, data, state, changed)];
  // Three axes are drawn one by one. They have no step and no pin in common.
  const { numbers } = state;
  const common = ({ numbers }) => changed({ numbers });
  root.replaceChildren();
  return data.axes.map((axis, number) => {
    element("h3", {}, root, `axis ${number}`);
    return new Drawing(element("div", {}, root), { ...data, axes: [axis] }, { numbers }, common);
  });
}
