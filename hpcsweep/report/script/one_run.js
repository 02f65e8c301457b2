// What is known of one run: parameters, curves, confusion, why it failed, and how to look further.

function factsOf(run) {
  const own = ["state", "seed", "notes", "tags", "reached_epoch", "best_epoch", "collapsed_classes", "time_s", "device", "engine", "commit"];
  const parameters = data.parameters.map((name) => [name, textOf(columnOf(name).values[run])]);
  const facts = own.filter(columnOf).map((name) => [name, columnOf(name).values[run]]).filter(([, value]) => value !== null && !Number.isNaN(value));
  return [...parameters, ...facts.map(([name, value]) => [name, typeof value === "number" ? shown(value, 6) : textOf(value)])];
}

const definitions = (facts) => make("dl", { class: "facts" }, facts.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));

function numbersOf(run) {
  return data.values.map(({ name, column }) => [name, shown(columnOf(column).values[run], 6)]);
}

// all metrics of some runs, one small panel each
function smallCurves(runs, width) {
  const height = Math.round(width * 0.6), metrics = data.curves.metrics.slice(0, 4);
  return make("div", { class: "small-curves" }, metrics.map((name) => {
    const pen = svgPen(width, height), lines = runs.map((run, at) => ({ points: pointsOf(run, { name }), colour: runs.length > 1 ? colourAt(placeInSelection(run)) : ink("accent"), at }));
    if (!lines.some((line) => line.points.length)) return null;
    const scales = panelScales(lines.map((line) => line.points), { x: 0, y: 4, width, height: height - 4, labels: 12 }, { whole: true });
    drawAxes(pen, scales, { title: name });
    for (const { points, colour, at } of lines) pen.path(points.map(scales.place), { stroke: colour, width: 2, dash: runs.length > 1 ? dashAt(at) : [] });
    pen.root.setAttribute("role", "img");
    pen.root.setAttribute("aria-label", `${name} by epoch`);
    return pen.root;
  }));
}

// counts by class; the colour is the share of the true class
function confusionTable(counts) {
  const sums = counts.map((row) => row.reduce((sum, one) => sum + one, 0));
  const cell = (number, row) => {
    const back = rampAt(sums[row] ? number / sums[row] : 0);
    return make("td", { style: `background:${back};color:${inkOn(back)}`, title: `${shown((100 * number) / (sums[row] || 1), 3)} % of class ${row}` }, number);
  };
  const head = make("tr", {}, make("th", { scope: "col" }, "true \\ said"), counts.map((_, at) => make("th", { scope: "col" }, at)));
  return make("div", { class: "scroll" }, make("table", { class: "confusion" }, make("thead", {}, head),
    make("tbody", {}, counts.map((row, at) => make("tr", {}, make("th", { scope: "row" }, at), row.map((number) => cell(number, at)))))));
}

function classBars(counts) {
  const shares = counts.map((row, at) => [at, row[at] / (row.reduce((sum, one) => sum + one, 0) || 1)]);
  return make("div", { class: "class-bars" }, shares.map(([at, share]) => make("div", { class: share === 0 ? "never" : "" },
    make("span", {}, `class ${at}`), make("span", { class: "bar-cell", style: `--length:${(100 * share).toFixed(1)}%` }, make("span", {}, share === 0 ? "never right" : share.toFixed(3))))));
}

function confusionOf(run) {
  const counts = data.confusion[run];
  if (!counts) {
    const why = "It is not in this page: it has none, or is not among the best runs, whose matrices are.";
    return columnOf("collapsed_classes") && isFinished[run] ? [make("h3", {}, "Confusion matrix"), make("p", { class: "soft" }, why)] : [];
  }
  return [make("h3", {}, "Accuracy by class"), classBars(counts), make("h3", {}, "Confusion matrix"), confusionTable(counts)];
}

function causeOf(run) {
  const cause = columnOf("cause").values[run], log = data.logs[run];
  return [
    typeof cause === "string" && make("p", { class: "cause" }, cause),
    log && [make("h3", {}, "The last lines of its log"), make("pre", { tabindex: 0 }, log)],
  ];
}

// from any folder of the machine that wrote the page
function commandsOf(run) {
  const of = (verb) => `${data.commands[verb]} ${shortId(run)}`;
  const lines = [["What it printed", of("logs")], ["Everything that is recorded", of("show")]];
  if (isFinished[run]) lines.unshift(["Train it again, alone, and compare every bit", of("again")]);
  else lines.unshift(["Try it alone, for two epochs", of("try")], ["Train it, and all else that is missing", data.commands[states[run] === "failed" ? "failed" : "missing"]]);
  return [make("h3", {}, "To type"), make("dl", { class: "commands" }, lines.flatMap(([what, command]) => [make("dt", {}, what),
    make("dd", {}, make("code", {}, command), button("Copy", () => copyText(command, "the command"), { class: "quiet" }))]))];
}
