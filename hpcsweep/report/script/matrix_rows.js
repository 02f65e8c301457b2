// The rows of the matrix of settings: what heads them, what their cells hold, and which are folded or left out.

const MATRIX_ROWS = 40;

// {names: {rows, cols}, fold, rows, cols: [{key, run}], cellAt(row, col), cells}; with too many rows they are folded by the
// parameter `fold`, and a row has `best`, the merit of its best cell
function matrixOf() {
  const cols = state.cols === "-" ? [] : data.varying.filter((name) => name === state.cols);
  const others = state.rows && !cols.includes(state.rows) ? [state.rows] : data.varying.filter((name) => !cols.includes(name));
  const fold = foldFor(others), rows = fold ? [fold, ...others.filter((name) => name !== fold)] : others;
  const cells = new Map([...grouped(view.runs, (run) => `${matrixKey(rows, run)}|${matrixKey(cols, run)}`)].map(([key, runs]) => [key, matrixCellOf(runs)]));
  const made = { names: { rows, cols }, fold, cells, rows: matrixAxis(rows), cols: matrixAxis(cols), cellAt: (row, col) => cells.get(`${row.key}|${col.key}`) };
  for (const row of made.rows) row.best = Math.max(-Infinity, ...made.cols.map((col) => made.cellAt(row, col)).filter((cell) => cell?.n).map((cell) => merit(cell.mean)));
  return made;
}

const matrixKey = (names, run) => names.map((name) => columnOf(name).at[run]).join(",");

function matrixAxis(names) {
  const inOrder = (a, b) => a.places.map((place, at) => place - b.places[at]).find((difference) => difference) ?? 0;
  return [...grouped(view.runs, (run) => matrixKey(names, run))]
    .map(([key, runs]) => ({ key, run: runs[0], places: key.split(",").map(Number) })).sort(inOrder);
}

// ± is over seeds only: a cell of several settings has none
function matrixCellOf(runs) {
  return { runs, ...statisticsOf(runs), isPooled: runs.some((run) => settingOf[run] !== settingOf[runs[0]]) };
}

const cellText = (cell, decimals = view.decimals) => meanText(cell.isPooled ? { ...cell, n: Math.min(1, cell.n) } : cell, decimals);

// the first parameter that puts many rows into few groups
function foldFor(names) {
  const number = (of) => grouped(view.runs, (run) => matrixKey(of, run)).size, rows = number(names);
  return rows > MATRIX_ROWS ? names.find((name) => number([name]) <= Math.min(MATRIX_ROWS, rows / 2)) : undefined;
}

// the lines that are shown: {row}, or {fold, rows, isOpen} above its rows
function matrixLines({ rows, fold }) {
  const shown = (some) => bestRows(some).map((row) => ({ row }));
  if (!fold) return shown(rows);
  return foldsOf({ rows, fold }).flatMap(([text, some]) => {
    const isOpen = state.unfolded.includes(text);
    return [{ fold: text, rows: some, isOpen }, ...(isOpen ? shown(some) : [])];
  });
}

const foldsOf = ({ rows, fold }) => [...grouped(rows, (row) => textOf(columnOf(fold).values[row.run]))];

function bestRows(rows) {
  return state.everyRow || rows.length <= MATRIX_ROWS ? rows : [...rows].sort((a, b) => b.best - a.best).slice(0, MATRIX_ROWS);
}

// the cells of a line, with the row of each: a folded line has the best of its rows, column by column
function lineCells(made, { row, rows }) {
  return made.cols.map((col) => {
    const some = (row ? [row] : rows).map((one) => ({ row: one, col, cell: made.cellAt(one, col) })).filter(({ cell }) => cell);
    const good = some.filter(({ cell }) => cell.n).sort((a, b) => merit(b.cell.mean) - merit(a.cell.mean));
    return good[0] ?? { row: row ?? rows[0], col, cell: some.length ? { n: 0, runs: some.flatMap(({ cell }) => cell.runs) } : undefined };
  });
}
