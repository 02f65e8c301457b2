// The settings as a table of means, coloured from the worst to the best; the rest is averaged over.

const MATRIX_ROWS = 40;
let allRows = false;

function matrixAxes() {
  const cols = state.cols === "-" ? [] : data.varying.filter((name) => name === state.cols);
  const others = data.varying.filter((name) => !cols.includes(name));
  return { cols, rows: state.rows && !cols.includes(state.rows) ? [state.rows] : others };
}

// {rows, cols: [{key, values, run}], cells: Map, all: how many rows there are}: the best rows if they are too many
function matrixOf() {
  const names = matrixAxes(), keyOf = (axis) => (run) => names[axis].map((name) => columnOf(name).at[run]).join(",");
  const axis = (of) => [...grouped(view.runs, keyOf(of))].map(([key, runs]) => ({ key, run: runs[0], ...statisticsOf(runs) }));
  const inOrder = (a, b) => a.key.split(",").map((at, place) => at - b.key.split(",")[place]).find((difference) => difference) ?? 0;
  const rowKey = keyOf("rows"), colKey = keyOf("cols");
  const cells = new Map([...grouped(view.runs, (run) => `${rowKey(run)}|${colKey(run)}`)].map(([key, runs]) => [key, { runs, ...statisticsOf(runs) }]));
  const cols = axis("cols").sort(inOrder), every = axis("rows");
  for (const row of every) row.best = Math.max(...cols.map((col) => merit(cells.get(`${row.key}|${col.key}`)?.mean ?? NaN)).filter(Number.isFinite), -Infinity);
  const rows = every.length > MATRIX_ROWS ? every.sort((a, b) => b.best - a.best || inOrder(a, b)) : every.sort(inOrder);
  return { ...names, names, cells, cols, rows: allRows ? rows : rows.slice(0, MATRIX_ROWS), all: rows.length };
}

const axisText = (names, run) => names.map((name) => textOf(columnOf(name).values[run]));

function paintMatrix(place) {
  const made = matrixOf(), { names, rows, cols, cells } = made;
  const means = [...cells.values()].filter((cell) => cell.n).map((cell) => cell.mean), range = colourRange(means);
  const head = make("tr", {}, names.rows.map((name) => make("th", { scope: "col", class: "stub" }, name)),
    cols.map((col) => make("th", { scope: "col" }, axisText(names.cols, col.run).map((text) => `${names.cols[0]} ${text}`).join() || state.value)));
  const body = rows.map((row) => make("tr", {}, axisText(names.rows, row.run).map((text) => make("th", { scope: "row" }, text)),
    cols.map((col) => matrixCell(cells.get(`${row.key}|${col.key}`), { row, col, names, range }))));
  byId("matrix-table").replaceChildren(make("table", {}, make("thead", {}, head), make("tbody", {}, body)));
  byId("matrix-said").textContent = matrixSentence(made);
  paintMatrixControls(made);
}

function matrixSentence({ names, rows, all }) {
  const over = data.varying.filter((name) => !names.rows.includes(name) && !names.cols.includes(name));
  const cut = all > rows.length ? ` The ${rows.length} best of ${all} rows, the best first.` : all > MATRIX_ROWS ? " The best rows first." : "";
  return `${state.value}: mean ± standard deviation (runs). The worst tenth has one colour.${over.length ? ` Each cell combines all values of ${over.join(", ")}.` : ""}${view.left.size ? " Bold: the best, and what cannot be told from it." : ""}${cut}`;
}

function matrixCell(cell, { row, col, names, range }) {
  if (!cell?.n) return make("td", { class: "missing" }, cell ? count(cell.runs.length, "run") + " without" : "");
  const back = rampAt(shareIn(range, cell.mean)), isBest = cell.runs.every((run) => view.left.has(settingOf[run]));
  const condition = [...names.rows.map((name) => conditionFor(name, columnOf(name).values[row.run])), ...names.cols.map((name) => conditionFor(name, columnOf(name).values[col.run]))].filter(Boolean).join(" and ");
  return make("td", { style: `background:${back};color:${inkOn(back)}`, class: isBest ? "best" : "" },
    button([meanText(cell, view.decimals), make("small", {}, ` (${cell.n})`)], () => alsoWhere(condition), { "aria-label": `${meanText(cell)}${isBest ? ", the best, or not to be told from it" : ""}: show only these ${count(cell.runs.length, "run")}` }));
}

function matrixRows() {
  const { names, rows, cols, cells } = matrixOf();
  const head = [...names.rows, ...cols.map((col) => axisText(names.cols, col.run).map((text) => `${names.cols[0]} ${text}`).join() || state.value)];
  const cell = (row, col) => {
    const found = cells.get(`${row.key}|${col.key}`);
    return found?.n ? `${meanText(found, view.decimals)} (${found.n})` : "–";
  };
  return [head, ...rows.map((row) => [...axisText(names.rows, row.run), ...cols.map((col) => cell(row, col))])];
}

function paintMatrixControls({ all }) {
  const some = (name) => data.varying.filter((other) => other !== name).map((other) => [other, other]);
  const more = all > MATRIX_ROWS && button(allRows ? `Only the best ${MATRIX_ROWS} rows` : `All ${all} rows`, () => {
    allRows = !allRows;
    paintMatrix();
  }, { class: "quiet" });
  byId("matrix-controls").replaceChildren(
    menu("Rows", [["", "all others"], ...some(state.cols)], state.rows, (rows) => change({ rows })),
    menu("Columns", [["-", "none"], ...some(state.rows)], state.cols || "-", (cols) => change({ cols })),
    ...[more].filter(Boolean), copiedAs("the matrix", matrixRows),
    savedAs("matrix", () => [Math.max(500, 110 * (matrixRows()[0].length)), 40 + 24 * matrixRows().length], drawMatrix),
  );
}

function drawMatrix(pen, width) {
  const lines = matrixRows(), step = width / lines[0].length, { rows, cols, cells } = matrixOf();
  const range = colourRange([...cells.values()].map((cell) => cell.mean)), stubs = lines[0].length - cols.length;
  pen.text(6, 14, `${data.title}: ${matrixSentence(matrixOf())}`, { fill: ink("ink"), size: 11 });
  lines.forEach((line, y) => line.forEach((text, x) => {
    const cell = y > 0 && x >= stubs ? cells.get(`${rows[y - 1].key}|${cols[x - stubs].key}`) : null;
    const back = cell?.n && rampAt(shareIn(range, cell.mean));
    if (back) pen.box(x * step, 30 + 24 * y, step, 24, { fill: back });
    pen.text(x * step + step / 2, 42 + 24 * y, shortened(text, Math.floor(step / 6.3)), { fill: back ? inkOn(back) : ink("ink"), anchor: "middle", size: 11.5, weight: y ? 400 : 600 });
  }));
}
