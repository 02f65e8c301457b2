// What the parameters do: the difference of each value to the best one of its parameter, with its 95 % interval.

const FOREST_ROWS = { wide: 11, narrow: 7 };
let allEffects = false;

function paintForest(place) {
  const found = data.effects[state.value], of = state.where ? ` Over all ${count(total, "run")}, without the filter.` : "";
  if (!found) {
    const first = Object.keys(data.effects).join(", "), why = first ? `With so many runs, effects are computed for ${first} only.` : "No run has a number yet.";
    place.replaceChildren(make("h2", {}, "Effects"), make("p", { class: "soft" }, why));
    return;
  }
  if (!found.rows.length) {
    place.replaceChildren(make("h2", {}, "Effects"), ...found.sentences.map((text) => make("p", { class: "soft" }, text)));
    return;
  }
  const most = narrow() ? FOREST_ROWS.narrow : FOREST_ROWS.wide;
  const rows = allEffects ? found.rows : found.rows.slice(0, most), height = 22 * rows.length + 26;
  const paint = (pen, width) => drawForest(pen, width, height, rows);
  const pen = svgPen(place.clientWidth, height);
  pen.root.setAttribute("role", "img");
  pen.root.setAttribute("aria-label", rows.map(effectSentence).join(" "));
  paint(pen, place.clientWidth);
  const more = found.rows.length > most && button(allEffects ? "Fewer" : `All ${found.rows.length}`, () => {
    allEffects = !allEffects;
    paintForest(place);
  }, { class: "quiet" });
  const copy = button("Copy as sentences", () => copyText(found.sentences.join("\n"), "the sentences"), { class: "quiet" });
  const said = `Each value against the best one of its parameter; lines are 95 % intervals over seeds.${of}`;
  place.replaceChildren(make("h2", {}, "Effects"), pen.root, make("p", { class: "under" }, make("span", { class: "soft" }, said), more, copy, savedAs("effects", () => [place.clientWidth, height], paint)));
}

const nameOfEffect = (row) => `${row.parameter} ${valueOfEffect(row, row.value)}`;
const againstOf = (row) => valueOfEffect(row, row.against);

function valueOfEffect({ parameter }, value) {
  const column = columnOf(parameter), text = textOf(decoded(value)), at = column.distinct.findIndex((other) => textOf(other) === text);
  return shortTexts(column)[at] ?? text;
}

function effectSentence(row) {
  const versus = `${nameOfEffect(row)} against ${againstOf(row)}: ${signed(row.difference ?? NaN)}`;
  if (row.low === null) return `${versus} (${row.verdict}).`;
  return `${versus}, 95 % interval ${signed(row.low)} to ${signed(row.high)}, p = ${shown(row.p, 2)} (${row.verdict}).`;
}

function drawForest(pen, width, height, rows) {
  const label = Math.min(width * 0.44, 16 + 6.4 * Math.max(...rows.map((row) => nameOfEffect(row).length + againstOf(row).length + 5)));
  const range = extent([0, ...rows.flatMap((row) => [row.difference, row.low, row.high].filter((number) => number !== null))]);
  const scale = linear(...range, label + 10, width - 66);
  for (const { value, text } of scale.ticks) {
    const isZero = value === 0;
    pen.path([[scale.at(value), 0], [scale.at(value), height - 22]], { stroke: isZero ? ink("soft") : ink("rule"), width: isZero ? 1.5 : 1 });
    pen.text(scale.at(value), height - 10, text, { fill: ink("soft"), anchor: "middle", size: 11 });
  }
  rows.forEach((row, place) => drawEffect(pen, { label, width, scale, y: 22 * place + 11 }, row));
}

function drawEffect(pen, { label, width, scale, y }, row) {
  const isShown = row.verdict === "different", colour = isShown ? ink("accent") : ink("soft"), clamp = (x) => Math.max(label + 6, x);
  const against = ` vs ${againstOf(row)}`;
  const text = pen.text(label, y, fitted(nameOfEffect(row) + against, label), { fill: isShown ? ink("ink") : ink("soft"), anchor: "end" });
  if (row.low !== null) pen.path([[clamp(scale.at(row.low)), y], [scale.at(row.high), y]], { stroke: colour, width: 2 });
  if (row.difference !== null) mark(pen, clamp(scale.at(row.difference)), y, 4.5, "circle", { fill: isShown ? colour : ink("paper"), stroke: colour, width: 1.5 });
  pen.text(width, y, row.difference === null ? "–" : signed(row.difference, row.difference.toFixed(view.decimals)), { fill: isShown ? ink("ink") : ink("soft"), anchor: "end", size: 11.5 });
  const over = pen.box(0, y - 11, width, 22, { fill: "transparent" });
  const condition = conditionFor(row.parameter, decoded(row.value));
  pointed(over, () => [effectSentence(row), isShown ? "" : "Hollow: not shown to differ.", "Click: show only these runs"], condition && (() => alsoWhere(condition)));
  return text;
}
