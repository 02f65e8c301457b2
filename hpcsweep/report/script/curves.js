// Learning curves: what is drawn in which panel, the controls, and the pointer.

function curveMetric() {
  const name = data.curves.metrics.find((metric) => state.value === metric || state.value.endsWith(`_${metric}`));
  return name ?? data.curves.metrics[0];
}

function panelMetrics() {
  const first = { name: curveMetric(), title: curveMetric() };
  if (!state.multiples) return [first];
  const bare = first.name.replace(/^val_/, ""), loss = ["val_loss", "loss"].find((name) => data.curves.metrics.includes(name));
  const gap = [bare, `val_${bare}`].every((name) => data.curves.metrics.includes(name)) && { name: "gap", gapOf: bare, better: data.better[bare], title: `${bare}: gap between training and validation` };
  return [first, loss && loss !== first.name && { name: loss, title: loss }, gap].filter(Boolean);
}

function paintCurves(place) {
  if (!data.curves.metrics.length) return place.replaceChildren(make("p", { class: "soft" }, "No run has a history."));
  const found = curveGroups(), metrics = panelMetrics(), drawn = metrics.map((metric) => linesOf(found, metric));
  const stacked = narrow() && metrics.length > 1, height = stacked ? 300 * metrics.length : narrow() ? 340 : 400;
  const label = `Learning curves of ${curveMetric()}: ${found.groups.map((group) => group.label).join(", ")}. The same numbers are in the list of runs.`;
  const canvas = layeredCanvas(byId("curves-chart"), height, label);
  const panels = drawPanels(canvas.pen, canvas.width, height, metrics, drawn);
  watchPointer(canvas, panels);
  byId("curves-said").replaceChildren(curvesSentence(found));
  paintCurveControls(() => [canvas.width, height], (pen, width, tall) => drawPanels(pen, width, tall, metrics, drawn));
}

function curvesSentence({ groups, cut }) {
  const many = groups.some((group) => group.runs.length > 1);
  const thinned = data.curves.of > drawnEpochs.length ? ` ${drawnEpochs.length} of ${data.curves.of} epochs are drawn, evenly chosen.` : "";
  const means = many ? "Thick lines are means, as far as all of their runs go; thin ones are runs. " : "";
  const last = Math.max(...ends.filter((end) => end !== null)), from = settledAt([drawnEpochs[0], last]);
  const fitted = state.whole || from <= drawnEpochs[0] ? "" : ` The axis of values is fitted to what comes from epoch ${from} on.`;
  return `${means}${cut}${thinned}${fitted} Values are rounded to four digits.`;
}

// {rest, members, means}: lines of one panel, from the back to the front
function linesOf({ groups, rest }, metric) {
  const thin = (run, place, label) => ({ run, label: label ?? nameOfRun(run), place, points: pointsOf(run, metric) });
  const members = groups.filter((group) => group.runs.length > 1)
    .flatMap((group) => group.runs.slice(0, MEMBERS).map((run) => ({ ...thin(run, group.place), colour: colourAt(group.place) })));
  const means = groups.map((group) => ({ ...group, run: group.runs.length === 1 ? group.runs[0] : null, colour: colourAt(group.place), points: meanOf(group.runs, metric) }));
  return { rest: rest.map((run) => thin(run)), members, means };
}

function drawPanels(pen, width, height, metrics, drawn) {
  const columns = narrow() ? 1 : metrics.length, tall = height / (metrics.length / columns);
  return metrics.map((metric, at) => {
    const labels = columns > 1 && at < columns - 1 ? 22 : narrow() ? 96 : 190, letters = narrow() ? 11 : 25;
    const share = columns > 1 ? (width - 168) / columns : width, last = at === columns - 1 ? width - share * at : share;
    const box = { x: columns > 1 ? share * at : 0, y: columns > 1 ? 0 : tall * at, width: columns > 1 ? last : width, height: tall, labels };
    return drawPanel(pen, box, metric, drawn[at], letters);
  });
}

function drawPanel(pen, box, metric, lines, letters) {
  const { rest, members, means } = lines, front = [...members, ...means];
  const scales = panelScales((front.length ? front : rest).map((line) => line.points), box, state), { area } = scales;
  drawAxes(pen, scales, { title: metric.title, ...state });
  const line = (points, style) => points.length && pen.path(points.map(scales.place), style);
  pen.clip(area.left, area.top - 2, area.right - area.left, area.bottom - area.top + 4, () => {
    for (const { points } of rest) line(points, { stroke: ink("grey"), width: 0.8, alpha: Math.max(0.12, Math.min(0.5, 40 / rest.length)) });
    for (const { points, colour } of members) line(points, { stroke: colour, width: 0.9, alpha: 0.35 });
    for (const { points, colour, place } of means) {
      if (state.smooth) line(points, { stroke: colour, width: 1, alpha: 0.35 });
      line(smoothed(points, state.smooth), { stroke: colour, width: 2.4, dash: dashAt(place) });
    }
  });
  if (box.labels > 30) drawEndLabels(pen, scales, means.map((one) => ({ ...one, points: smoothed(one.points, state.smooth) })), letters);
  return { scales, lines: [...means, ...members, ...rest], metric };
}

function watchPointer(canvas, panels) {
  const at = (event) => {
    const { left, top } = canvas.above.getBoundingClientRect(), [x, y] = [event.clientX - left, event.clientY - top];
    const panel = panels.find(({ scales: { area } }) => x >= area.left - 8 && x <= area.right + 8 && y >= area.top - 8 && y <= area.bottom + 8);
    return panel && nearestPoint(panel.lines, panel.scales, x, y);
  };
  canvas.above.addEventListener("pointermove", (event) => {
    const found = at(event);
    canvas.above.style.cursor = found?.line.run != null ? "pointer" : "default";
    if (!found) return leave();
    tip(event, [found.line.label, `epoch ${found.point[0]}: ${shown(found.point[1])}`, ...(found.line.run == null ? [] : ["Click: compare"])]);
    hover(found.line.run);
  });
  const leave = () => { untip(); hover(null); };
  canvas.above.addEventListener("pointerleave", leave);
  canvas.above.addEventListener("click", (event) => {
    const found = at(event);
    if (found?.line.run != null) select(found.line.run);
  });
  curveLayer = { canvas, panels };
}

// the run under the pointer, anywhere on the page, is lit here too
let curveLayer = null;
hoverers.push((run) => {
  if (!curveLayer) return;
  const { canvas, panels } = curveLayer;
  canvas.clear();
  for (const { scales, metric } of run === null ? [] : panels) {
    const points = pointsOf(run, metric), { area } = scales;
    canvas.over.clip(area.left, area.top - 2, area.right - area.left, area.bottom - area.top + 4, () =>
      points.length && canvas.over.path(points.map(scales.place), { stroke: ink("ink"), width: 2 }));
  }
});

function paintCurveControls(sizeOf, paint) {
  const place = byId("curves-controls");
  if (place.contains(document.activeElement) && document.activeElement.type === "range") return;
  const label = make("output", {}, state.smooth);
  const smooth = make("input", { type: "range", min: 0, max: 0.99, step: 0.01, value: state.smooth, "aria-label": "smoothing",
    oninput: () => { label.textContent = smooth.value; change({ smooth: Number(smooth.value) }); } });
  place.replaceChildren(
    menu("Colour by", FIRST_COLOURS.map((name) => [name, name === "setting" ? "best settings" : name]), state.colour, (colour) => change({ colour })),
    make("label", {}, make("span", {}, "Smoothing"), smooth, label),
    tick("log epochs", state.logx, (logx) => change({ logx })),
    tick("log values", state.logy, (logy) => change({ logy })),
    tick("first epochs", state.whole, (whole) => change({ whole })),
    tick("with loss and gap", state.multiples, (multiples) => change({ multiples })),
    savedAs("curves", sizeOf, paint),
  );
}
