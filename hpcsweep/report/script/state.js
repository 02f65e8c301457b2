// What is shown: one state, kept in the address after #, so that a view can be shared and survives a reload.

const FIRST_COLOURS = ["setting", ...data.varying];
const STARTING = {
  where: "", value: data.values[0]?.name ?? "", colour: "setting", selected: [], smooth: 0, logx: false, logy: false, whole: false,
  multiples: false, rows: "", cols: data.layout.cols[0] ?? "", unfolded: [], everyRow: false, sort: "", down: false, grouped: false, extra: [], open: "",
};
const state = { ...STARTING };
const painters = [];
const hovered = { run: null };
const hoverers = [];

// settings of the address are checked one by one: what it holds was written by anybody
const CHECKS = {
  where: (text) => text.slice(0, LONGEST),
  value: (text) => (data.values.some((value) => value.name === text) ? text : STARTING.value),
  colour: (text) => (FIRST_COLOURS.includes(text) ? text : STARTING.colour),
  selected: (text) => text.split(".").map(runCalled).filter((run) => run >= 0).slice(0, MOST_SELECTED),
  smooth: (text) => Math.max(0, Math.min(0.99, Number(text) || 0)),
  rows: (text) => (data.varying.includes(text) ? text : ""),
  cols: (text) => (data.varying.includes(text) || text === "-" ? text : STARTING.cols),
  sort: (text) => (columns.has(text) ? text : ""),
  unfolded: (text) => text.split("\n"),
  extra: (text) => text.split("\n").filter((name) => columns.has(name)),
  open: (text) => (text === "compare" || runCalled(text) >= 0 ? text : ""),
};
const MOST_SELECTED = 10;
const isYes = (text) => text === "1";

function runCalled(start) {
  return /^[0-9a-f]{6,64}$/.test(start) ? ids.findIndex((id) => id.startsWith(start)) : -1;
}

const shortId = (run) => ids[run].slice(0, 12);

function readAddress() {
  const said = new URLSearchParams(location.hash.slice(1));
  for (const [name, start] of Object.entries(STARTING)) {
    const text = said.get(name);
    state[name] = text === null ? start : (CHECKS[name] ?? isYes)(text);
  }
}

function writeAddress() {
  const said = new URLSearchParams();
  for (const [name, start] of Object.entries(STARTING)) {
    if (String(state[name]) !== String(start)) said.set(name, addressText(name));
  }
  history.replaceState(null, "", said.size ? `#${said}` : location.pathname + location.search);
}

function addressText(name) {
  if (name === "selected") return state.selected.map(shortId).join(".");
  if (Array.isArray(state[name])) return state[name].join("\n");
  return typeof state[name] === "boolean" ? Number(state[name]) : state[name];
}

// change the state, then paint what can be seen at once, and the rest when it is scrolled to
function change(patch) {
  Object.assign(state, patch);
  writeAddress();
  deriveView();
  for (const painter of painters) painter.stale = true;
  paintVisible();
}

function painted(id, paint) {
  const painter = { place: byId(id), paint, stale: true, visible: false };
  painters.push(painter);
  new IntersectionObserver(([entry]) => {
    painter.visible = entry.isIntersecting;
    paintVisible();
  }, { rootMargin: "300px" }).observe(painter.place);
}

const FRAME_MS = 24;
let asked = 0;
function paintVisible() {
  cancelAnimationFrame(asked);
  asked = requestAnimationFrame(paintNow);
}

// in as many frames as it takes, so that what was typed is answered at once
function paintNow() {
  const begun = performance.now();
  for (const painter of painters) {
    if (!painter.stale || !painter.visible) continue;
    if (performance.now() - begun > FRAME_MS) return paintVisible();
    painter.stale = false;
    painter.paint(painter.place);
  }
  document.documentElement.dataset.painted = String(Number(document.documentElement.dataset.painted ?? 0) + 1);
}

function paintEverything() {
  for (const painter of painters) {
    painter.visible = true;
    painter.stale = false;
    painter.paint(painter.place);
  }
}

function hover(run) {
  if (hovered.run === run) return;
  hovered.run = run;
  for (const tell of hoverers) tell(run);
}

function select(run) {
  const without = state.selected.filter((one) => one !== run);
  if (without.length < state.selected.length) return change({ selected: without });
  if (state.selected.length >= MOST_SELECTED) return say(`At most ${MOST_SELECTED} runs can be compared.`);
  return change({ selected: [...state.selected, run] });
}

const placeInSelection = (run) => state.selected.indexOf(run);

// a condition that is added to those there are; said again, it is taken away
function alsoWhere(condition) {
  const parts = conjuncts(state.where);
  if (parts.includes(condition)) return change({ where: parts.filter((part) => part !== condition).join(" and ") });
  return change({ where: [...parts, condition].join(" and ") });
}

// the conditions that hold together, each as it was written, in brackets where it needs them
function conjuncts(text) {
  let tree;
  try {
    tree = parsed(text);
  } catch {
    return text.trim() ? [text] : [];
  }
  if (!tree) return [];
  if (tree.is !== "and") return [bracketed(text, tree, text)];
  return tree.parts.map((part) => bracketed(text.slice(part.from, part.to), part, text));
}

function bracketed(written, node) {
  return node.is === "or" && !written.startsWith("(") ? `(${written})` : written.trim();
}

function say(text) {
  byId("said").textContent = text;
}
