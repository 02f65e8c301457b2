// The drawer on the right: one run, or two to ten side by side.

function paintDrawer() {
  const drawer = byId("drawer"), wasOpen = !drawer.hidden, comparing = state.open === "compare";
  const run = comparing ? -1 : runCalled(state.open);
  drawer.hidden = comparing ? state.selected.length < 2 : run < 0;
  if (drawer.hidden) {
    if (wasOpen) byId("list").focus({ preventScroll: true });
    return;
  }
  drawer.className = comparing ? "wide" : "";
  drawer.setAttribute("aria-label", comparing ? `${state.selected.length} runs compared` : nameOfRun(run));
  drawer.replaceChildren(button("Close", closeAll, { class: "close", "aria-label": "Close (Escape)" }), ...(comparing ? comparison() : oneRun(run)).flat(Infinity).filter(Boolean));
  if (!wasOpen) drawer.scrollTop = 0;
}

function oneRun(run) {
  const chosen = placeInSelection(run), width = Math.min(240, innerWidth - 48);
  return [
    make("p", { class: "eyebrow" }, `Run ${shortId(run)}`), make("h2", {}, nameOfRun(run)),
    make("p", {}, make("i", { class: `state ${stateKind(states[run])}` }), ` ${states[run]} `, button(chosen < 0 ? "Compare (x)" : "Do not compare (x)", () => select(run), { class: "quiet" })),
    causeOf(run), smallCurves([run], width),
    make("div", { class: "two" }, make("div", {}, make("h3", {}, "Parameters and facts"), definitions(factsOf(run))), make("div", {}, make("h3", {}, "Results"), definitions(numbersOf(run)))),
    confusionOf(run), commandsOf(run),
  ];
}

function comparison() {
  const runs = state.selected, different = (rows) => rows.filter(([, ...values]) => new Set(values).size > 1);
  const parameters = different(data.parameters.map((name) => [name, ...runs.map((run) => textOf(columnOf(name).values[run]))]));
  const own = different(["seed", "state", "reached_epoch", "device", "engine", "commit", "code_sha256", "data_sha256"].filter(columnOf)
    .map((name) => [name, ...runs.map((run) => shortened(textOf(columnOf(name).values[run]), 24))]));
  const numbers = data.values.map(({ name, column }) => [name, ...runs.map((run) => shown(columnOf(column).values[run], 6))]);
  const rows = () => [["", ...runs.map(nameOfRun)], ...parameters, ...own, ...numbers];
  const matrices = runs.filter((run) => data.confusion[run]);
  return [
    make("h2", {}, `${runs.length} runs side by side`),
    make("p", { class: "soft" }, "Of the parameters and facts, only those that differ. ", copiedAs("the comparison", rows)),
    comparedTable(runs, [...parameters, ...own], numbers),
    smallCurves(runs, Math.min(460, innerWidth - 48)),
    matrices.length > 0 && [make("h3", {}, "Confusion matrices"), make("div", { class: "side-by-side" }, matrices.map((run) => make("figure", {}, make("figcaption", {}, swatch(placeInSelection(run)), ` ${nameOfRun(run)}`), confusionTable(data.confusion[run]))))],
  ];
}

function comparedTable(runs, settings, numbers) {
  const row = ([name, ...values]) => make("tr", {}, make("th", { scope: "row" }, name), values.map((value) => make("td", {}, value)));
  const head = make("tr", {}, make("th", {}), runs.map((run, place) => make("th", { scope: "col", title: nameOfRun(run) }, swatch(place), ` ${shortId(run).slice(0, 8)}`)));
  return make("div", { class: "scroll" }, make("table", {}, make("thead", {}, head), make("tbody", {}, settings.map(row)), make("tbody", {}, numbers.map(row))));
}
