// The settings as a table of means, coloured from the worst to the best.

const axisText = (names, run) => names.map((name) => textOf(columnOf(name).values[run]));
const shortAxis = (names, run) => names.map((name) => shortText(columnOf(name), run));
const columnHead = ({ cols }, col) => axisText(cols, col.run).map((text) => `${cols[0]} ${text}`).join() || state.value;
const matrixRange = ({ cells }) => colourRange([...cells.values()].filter((cell) => cell.n).map((cell) => cell.mean));

function paintMatrix() {
  const made = matrixOf(), { names } = made, range = matrixRange(made), held = document.activeElement?.dataset.fold;
  const head = make("tr", {}, names.rows.map((name) => make("th", { scope: "col", class: "stub" }, name)), made.cols.map((col) => make("th", { scope: "col" }, columnHead(names, col))));
  const body = matrixLines(made).map((line) => make("tr", { class: line.fold ? "fold" : "" },
    line.fold ? foldHead(made, line) : shortAxis(names.rows, line.row.run).map((text) => make("th", { scope: "row", title: text }, text)),
    lineCells(made, line).map((one) => matrixCell(one, names, range))));
  byId("matrix-table").replaceChildren(make("table", { class: names.cols.length ? "" : "one-value" }, make("thead", {}, head), make("tbody", {}, body)));
  byId("matrix-said").textContent = matrixSentence(made);
  paintMatrixControls(made);
  [...document.querySelectorAll("#matrix-table [data-fold]")].find((one) => one.dataset.fold === held)?.focus();
}

function foldHead({ fold, names }, { fold: text, rows, isOpen }) {
  const left = rows.length - bestRows(rows).length, number = isOpen && left ? `the ${rows.length - left} best of ${count(rows.length, "row")}` : count(rows.length, "row");
  const turn = () => change({ unfolded: isOpen ? state.unfolded.filter((other) => other !== text) : [...state.unfolded, text] });
  return make("th", { scope: "rowgroup", colspan: names.rows.length },
    button([isOpen ? "▾ " : "▸ ", `${fold} ${text} `, make("span", { class: "soft" }, number)], turn, { class: "quiet", "aria-expanded": String(isOpen), "data-fold": text }));
}

function matrixSentence(made) {
  if (!view.value) return "No run has a number yet.";
  const { names, fold, rows } = made, over = data.varying.filter((name) => !names.rows.includes(name) && !names.cols.includes(name));
  const shown = matrixLines(made).filter((line) => line.row).length, isCut = !fold && rows.length > shown;
  const parts = [
    over.length ? `${state.value}: mean (runs); each cell combines all values of ${over.join(", ")}.` : `${state.value}: mean ± standard deviation (seeds).`,
    "The worst tenth has one colour.", view.left.size && "Bold: the best, and what cannot be told from it.",
    fold && `${count(rows.length, "row")}, folded by ${fold}: a folded row shows its best cell in each column.`,
    isCut && `The ${shown} best of ${count(rows.length, "row")}, the best first.`,
  ];
  return parts.filter(Boolean).join(" ");
}

function matrixCell({ row, col, cell }, names, range) {
  if (!cell?.n) return make("td", { class: "missing" }, cell ? `${count(cell.runs.length, "run")} without` : "");
  const back = rampAt(shareIn(range, cell.mean)), isBest = cell.runs.every((run) => view.left.has(settingOf[run]));
  const conditionOf = (name, { run }) => conditionFor(name, columnOf(name).values[run]);
  const condition = [...names.rows.map((name) => conditionOf(name, row)), ...names.cols.map((name) => conditionOf(name, col))].filter(Boolean).join(" and ");
  return make("td", { style: `background:${back};color:${inkOn(back)}`, class: isBest ? "best" : "" },
    button([cellText(cell), make("small", {}, ` (${cell.n})`)], () => alsoWhere(condition), { title: condition, "aria-label": `${cellText(cell)}${isBest ? ", the best, or not to be told from it" : ""}: show only ${condition}` }));
}

// what is copied: every row, also those that are folded
function matrixTexts(made, lines) {
  const text = ({ cell }) => (cell?.n ? `${cellText(cell)} (${cell.n})` : "–");
  const heads = (line) => (line.row ? axisText(made.names.rows, line.row.run) : [`${made.fold} ${line.fold}`, ...made.names.rows.slice(1).map((_, at) => (at ? "" : count(line.rows.length, "row")))]);
  return [[...made.names.rows, ...made.cols.map((col) => columnHead(made.names, col))], ...lines.map((line) => [...heads(line), ...lineCells(made, line).map(text)])];
}

function everyMatrixRow() {
  const made = matrixOf();
  return matrixTexts(made, made.rows.map((row) => ({ row })));
}

function paintMatrixControls(made) {
  const some = (name) => data.varying.filter((other) => other !== name).map((other) => [other, other]), { fold, rows } = made;
  const folds = fold ? foldsOf(made).map(([text]) => text) : [], isOpen = folds.length > 0 && folds.every((text) => state.unfolded.includes(text));
  const isLong = fold ? foldsOf(made).some(([text, group]) => group.length > MATRIX_ROWS && state.unfolded.includes(text)) : rows.length > MATRIX_ROWS;
  byId("matrix-controls").replaceChildren(
    menu("Rows", [["", "all others"], ...some(state.cols)], state.rows, (name) => change({ rows: name })),
    menu("Columns", [["-", "none"], ...some(state.rows)], state.cols || "-", (name) => change({ cols: name })),
    ...[
      fold && button(isOpen ? "Fold all" : "Unfold all", () => change({ unfolded: isOpen ? [] : folds }), { class: "quiet" }),
      isLong && button(state.everyRow ? `Only the best ${MATRIX_ROWS} rows` : `More than the best ${MATRIX_ROWS} rows`, () => change({ everyRow: !state.everyRow }), { class: "quiet" }),
    ].filter(Boolean),
    copiedAs("the matrix", everyMatrixRow),
    savedAs("matrix", () => matrixSize(matrixOf()), drawMatrix),
  );
}

const matrixSize = (made) => [Math.max(500, 110 * (made.names.rows.length + made.cols.length)), 64 + 24 * matrixLines(made).length];

function drawMatrix(pen, width) {
  const made = matrixOf(), lines = matrixLines(made), texts = matrixTexts(made, lines), range = matrixRange(made);
  const stubs = made.names.rows.length, step = width / texts[0].length;
  pen.text(6, 14, `${data.title}: ${matrixSentence(made)}`, { fill: ink("ink"), size: 11 });
  texts.forEach((line, y) => line.forEach((text, x) => {
    const cell = y > 0 && x >= stubs ? lineCells(made, lines[y - 1])[x - stubs].cell : null;
    const back = cell?.n && rampAt(shareIn(range, cell.mean));
    if (back) pen.box(x * step, 30 + 24 * y, step, 24, { fill: back });
    pen.text(x * step + step / 2, 42 + 24 * y, shortened(text, Math.floor(step / 6.3)), { fill: back ? inkOn(back) : ink("ink"), anchor: "middle", size: 11.5, weight: y ? 400 : 600 });
  }));
}
