// One line a run through all parameters to its value. A drag along an axis becomes a condition.

const TOP = 52, FOOT = 28, RIBBON = 0.5, WIDEST = 34, RIGHT = 70;
let parallelLayer = null;

function paintParallel(place) {
  const chart = byId("parallel-chart"), good = view.order.filter(isGood);
  if (!data.varying.length || !good.length) {
    parallelLayer = null;
    byId("parallel-said").hidden = true;
    return chart.replaceChildren(make("p", { class: "soft" }, "No parameter varies, or no run that is kept has a number."));
  }
  const height = 380, axes = data.varying.length + 1;
  byId("parallel-said").hidden = false;
  chart.style.minWidth = `${Math.max(74 * axes, Math.min(110 * axes, 900))}px`;
  const canvas = layeredCanvas(chart, height, `Parameters and ${state.value} of ${count(good.length, "run")}. The same numbers are in the list of runs.`);
  const paint = (pen, width, tall) => drawParallel(pen, width, tall, good);
  const drawn = paint(canvas.pen, canvas.width, height);
  parallelLayer = { canvas, axes: drawn, good };
  watchAxes(canvas, drawn, good, height);
  const colours = [["", "the value"], ...data.varying.map((name) => [name, name])];
  byId("parallel-controls").replaceChildren(
    menu("Colour by", colours, state.colour === "setting" ? "" : state.colour, (name) => change({ colour: name || "setting" })),
    savedAs("parallel", () => [canvas.width, height], paint));
}

function parallelAxes(width, height, good) {
  const left = 46, right = width - RIGHT, [from, to] = [height - FOOT, TOP], step = (right - left) / data.varying.length;
  const axes = varyingColumns.map((column, at) => ({
    name: column.name, x: left + step * at, scale: scaleOf(column, from, to), valueOf: (run) => column.values[run],
    ribbon: column.distinct.length <= 12 ? Math.min(WIDEST, ((from - to) / column.distinct.length) * RIBBON) : 0,
  }));
  const range = extent(good.map((run) => view.numbers[run])), numbers = (run) => view.numbers[run];
  const isLog = range[0] > 0 && range[1] / range[0] > 1e3;
  axes.push({ name: state.value, x: right, scale: (isLog ? logarithmic : linear)(...range, from, to), valueOf: numbers, ribbon: 0, isResult: true });
  return axes;
}

// within a value, runs lie in the order of the colour's value, then of merit: ribbons, not a knot
function ribbonOffsets(good) {
  const column = state.colour === "setting" ? null : columnOf(state.colour);
  const order = good.map((run, rank) => [run, column ? column.at[run] : 0, rank]).sort((a, b) => a[1] - b[1] || b[2] - a[2]);
  const offsets = new Map();
  order.forEach(([run], at) => offsets.set(run, good.length > 1 ? at / (good.length - 1) - 0.5 : 0));
  return offsets;
}

function drawParallel(pen, width, height, good) {
  const axes = parallelAxes(width, height, good), offsets = ribbonOffsets(good);
  const range = colourRange(good.map((run) => view.numbers[run]));
  const column = state.colour === "setting" ? null : columnOf(state.colour);
  const colour = (run) => (column ? colourAt(column.at[run]) : rampAt(shareIn(range, view.numbers[run])));
  const alpha = Math.max(0.12, Math.min(0.8, 60 / good.length));
  for (const run of [...good].reverse()) pen.path(linePoints(axes, offsets, run), { stroke: colour(run), width: 1, alpha });
  state.selected.forEach((run, place) => {
    if (view.kept[run] && isGood(run)) pen.path(linePoints(axes, offsets, run), { stroke: colourAt(place), width: 2.5, dash: dashAt(place) });
  });
  axes.forEach((axis) => drawParallelAxis(pen, axis, height, axes[1].x - axes[0].x));
  return Object.assign(axes, { offsets });
}

function linePoints(axes, offsets, run) {
  return axes.map(({ x, scale, valueOf, ribbon }) => [x, scale.at(valueOf(run)) + (offsets.get(run) ?? 0) * ribbon]);
}

function drawParallelAxis(pen, { name, x, scale, isResult }, height, step) {
  pen.path([[x, TOP - 8], [x, height - FOOT + 8]], { stroke: ink("soft"), width: 1 });
  const look = { size: 12, weight: 600 }, [end, room] = isResult ? [x + RIGHT, step / 2 + RIGHT] : [x, step];
  pen.text(end, 16, fitted(name, room - 8, look), { fill: ink("ink"), anchor: isResult ? "end" : "middle", ...look });
  let free = Infinity;
  for (const { value, text } of scale.ticks) {
    const y = scale.at(value), wide = 6.4 * shortened(text, 14).length + 8;
    if (y > free) continue;
    free = y - 14;
    pen.box(isResult ? x + 5 : x + 4, y - 8, wide, 16, { fill: ink("paper"), alpha: 0.85 });
    pen.text(x + 8, y, shortened(text, 14), { fill: ink("ink"), size: 11.5 });
  }
}

// ---- the pointer: near a line it lights the run, along an axis it brushes -------------------------------------------

function watchAxes(canvas, axes, good, height) {
  const target = canvas.above;
  let from = null;
  const place = (event) => {
    const { left, top } = target.getBoundingClientRect();
    return [event.clientX - left, Math.max(TOP - 8, Math.min(height - FOOT + 8, event.clientY - top))];
  };
  target.addEventListener("pointerdown", (event) => {
    const [x, y] = place(event), axis = axes.find((one) => Math.abs(one.x - x) < 16);
    if (axis) from = { axis, y };
    if (axis) target.setPointerCapture(event.pointerId);
  });
  target.addEventListener("pointermove", (event) => {
    const [x, y] = place(event);
    if (from) return drawBrush(canvas, from, y);
    target.style.cursor = axes.some((one) => Math.abs(one.x - x) < 16) ? "ns-resize" : "default";
    const run = nearestRun(axes, good, x, y);
    if (run === null) { untip(); return hover(null); }
    tip(event, [nameOfRun(run), `${state.value} ${shown(view.numbers[run])}`]);
    hover(run);
  });
  target.addEventListener("pointerleave", () => { untip(); hover(null); });
  target.addEventListener("pointerup", (event) => {
    const brushed = from && brushCondition(from.axis, from.y, place(event)[1]);
    from = null;
    canvas.clear();
    if (brushed) alsoWhere(brushed);
  });
}

function drawBrush(canvas, { axis, y: from }, y) {
  canvas.clear();
  canvas.over.box(axis.x - 9, Math.min(from, y), 18, Math.abs(y - from), { fill: ink("accent"), alpha: 0.3 });
}

function brushCondition({ name, scale, isResult }, from, to) {
  if (Math.abs(to - from) < 5) return null;
  const [top, bottom] = [Math.min(from, to), Math.max(from, to)];
  const column = isResult ? columnOf(view.value.column) : columnOf(name);
  if (!isResult) {
    const inside = column.distinct.filter((value) => { const y = scale.at(value); return y >= top && y <= bottom; });
    if (column.distinct.length <= 12) return inside.length ? `${name} in [${inside.map(literal).join(", ")}]` : null;
  }
  const [low, high] = [scale.back(bottom), scale.back(top)].map((value) => Number(value.toPrecision(4)));
  return `${low} <= ${column.name} <= ${high}`;
}

function nearestRun(axes, good, x, y) {
  const right = axes.findIndex((axis) => axis.x >= x);
  if (right <= 0) return null;
  const [a, b] = [axes[right - 1], axes[right]], share = (x - a.x) / (b.x - a.x), offset = (run) => axes.offsets.get(run) ?? 0;
  const height = (axis, run) => axis.scale.at(axis.valueOf(run)) + offset(run) * axis.ribbon;
  let best = null, least = 8;
  for (const run of good) {
    const distance = Math.abs(height(a, run) * (1 - share) + height(b, run) * share - y);
    if (distance < least) [least, best] = [distance, run];
  }
  return best;
}

hoverers.push((run) => {
  if (!parallelLayer) return;
  const { canvas, axes } = parallelLayer;
  canvas.clear();
  if (run !== null && isGood(run) && axes.offsets.has(run)) canvas.over.path(linePoints(axes, axes.offsets, run), { stroke: ink("ink"), width: 2.5 });
});
