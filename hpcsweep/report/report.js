"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  // Okabe & Ito 2008; black becomes light grey on dark
  const COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#888888"];
  const DASHES = ["solid", "dash", "dot", "dashdot"];
  const SHOWN_AT_FIRST = 500;
  const state = { sort: null, down: false, all: false, selected: new Set() };
  // the charting library reads a little markup in its texts; a value must stay what it is
  const plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // ---- theme -------------------------------------------------------------------------------------------------
  function setTheme(dark) {
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    byId("theme").textContent = dark ? "Light" : "Dark";
    byId("theme").setAttribute("aria-pressed", String(dark));
    drawCurves();
    drawParallel();
  }

  // ---- runs --------------------------------------------------------------------------------------------------
  const idColumn = data.columns.findIndex((name, at) => data.rows.length && data.labels[data.rows[0][at]] !== undefined);
  const isNumber = data.columns.map((_, at) => data.rows.some((row) => typeof row[at] === "number")
    && data.rows.every((row) => row[at] === null || typeof row[at] === "number"));
  const shown = (value) => (value === null ? "" : String(value));
  const OPERATORS = {
    "=": (a, b) => a === b, "!=": (a, b) => a !== b, "<": (a, b) => a < b, ">": (a, b) => a > b,
    "<=": (a, b) => a <= b, ">=": (a, b) => a >= b,
  };

  function comparison(at, operator, wanted) {
    const compare = OPERATORS[operator], number = Number(wanted);
    if (!isNumber[at]) return (row) => compare(shown(row[at]), wanted);
    return (row) => row[at] !== null && compare(row[at], number);
  }

  const containing = (word) => (row) => row.some((value) => shown(value).toLowerCase().includes(word.toLowerCase()));

  // A column's name may have spaces and signs, so the names are looked for as they are, the longest first.
  function conditions(text) {
    const columns = data.columns.map((name, at) => ({ name, at })).sort((a, b) => b.name.length - a.name.length);
    const found = [];
    let rest = text.trim();
    while (rest) {
      const column = columns.find(({ name }) => rest.startsWith(name) && /^(<=|>=|!=|=|<|>)/.test(rest.slice(name.length)));
      const parts = column && rest.slice(column.name.length).match(/^(<=|>=|!=|=|<|>)(\S*)/);
      const used = column ? column.name.length + parts[0].length : rest.match(/^\S+/)[0].length;
      found.push(column ? comparison(column.at, parts[1], parts[2]) : containing(rest.slice(0, used)));
      rest = rest.slice(used).trim();
    }
    return found;
  }

  function visibleRows() {
    const wanted = conditions(byId("filter").value);
    const rows = data.rows.filter((row) => wanted.every((holds) => holds(row)));
    if (state.sort === null) return rows;
    const at = state.sort, sign = state.down ? -1 : 1;
    const order = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : shown(a).localeCompare(shown(b)));
    return rows.sort((one, other) => {
      if (one[at] === null || other[at] === null) return (one[at] === null) - (other[at] === null);
      return sign * order(one[at], other[at]);
    });
  }

  function heading(name, at) {
    const cell = document.createElement("th"), button = document.createElement("button");
    cell.scope = "col";
    if (!isNumber[at]) cell.className = "text";
    button.type = "button";
    button.textContent = name;
    button.addEventListener("click", () => {
      state.down = state.sort === at && !state.down;
      state.sort = at;
      drawRuns();
    });
    cell.append(button);
    return cell;
  }

  function runRow(row) {
    const line = document.createElement("tr"), id = row[idColumn], first = document.createElement("td");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = state.selected.has(id);
    box.setAttribute("aria-label", `draw the curve of run ${String(id).slice(0, 12)}`);
    line.classList.toggle("selected", box.checked);
    box.addEventListener("change", () => {
      if (box.checked) state.selected.add(id); else state.selected.delete(id);
      line.classList.toggle("selected", box.checked);
      drawCurves();
      say();
    });
    first.append(box);
    line.append(first);
    row.forEach((value, at) => {
      const cell = document.createElement("td");
      cell.textContent = at === idColumn ? shown(value).slice(0, 12) : shown(value);
      if (!isNumber[at]) { cell.className = "text"; cell.title = shown(value); }
      line.append(cell);
    });
    return line;
  }

  let matching = 0;
  function say() {
    const chosen = state.selected.size ? `; ${state.selected.size} selected` : "";
    byId("count").textContent = `${matching} of ${data.rows.length} runs${chosen}`;
  }

  function drawRuns() {
    const rows = visibleRows(), few = state.all ? rows : rows.slice(0, SHOWN_AT_FIRST);
    matching = rows.length;
    byId("runs-table").tBodies[0].replaceChildren(...few.map(runRow));
    [...byId("runs-table").tHead.rows[0].cells].slice(1).forEach((cell, at) => {
      const sorted = state.sort === at ? (state.down ? "descending" : "ascending") : "none";
      cell.setAttribute("aria-sort", sorted);
    });
    byId("more").hidden = few.length === rows.length;
    byId("more").textContent = `Show all ${rows.length}`;
    say();
  }

  // ---- charts ------------------------------------------------------------------------------------------------
  function layout(more) {
    const axis = { gridcolor: colour("--line"), zerolinecolor: colour("--line"), linecolor: colour("--soft") };
    return {
      paper_bgcolor: colour("--back"), plot_bgcolor: colour("--back"), font: { color: colour("--fore"), size: 13 },
      margin: { l: 60, r: 20, t: 20, b: 50 }, ...more, xaxis: { ...axis, ...more.xaxis }, yaxis: { ...axis, ...more.yaxis },
    };
  }
  // nothing in this page may send results anywhere, not even when a button is pressed by mistake
  const REMOVED = ["lasso2d", "select2d", "sendChartToCloud", "sendDataToCloud"];
  const CONFIG = { displaylogo: false, responsive: true, modeBarButtonsToRemove: REMOVED };
  const BRIGHT = [[0, "#6f8cff"], [0.5, "#35c4a8"], [1, "#fde725"]]; // the dark end of Viridis is lost on dark
  const translucent = (hex) => `rgba(${[1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)).join(",")},0.18)`;

  function bandTraces(band, number, shift) {
    const hex = COLOURS[number % COLOURS.length], dash = DASHES[Math.floor(number / COLOURS.length) % DASHES.length];
    const x = band.epoch.map((epoch) => epoch + shift), group = `g${number}`;
    const name = plain(`${band.label} (n = ${band.seeds})`);
    const line = { x, y: band.mean, name, legendgroup: group, mode: "lines", line: { color: hex, dash, width: 2 } };
    if (band.seeds < 2) return [line];
    const edge = { x, mode: "lines", line: { width: 0 }, legendgroup: group, showlegend: false, hoverinfo: "skip" };
    const fill = { fill: "tonexty", fillcolor: translucent(hex) };
    return [{ ...edge, y: band.low }, { ...edge, y: band.high, ...fill }, line];
  }

  function drawCurves() {
    const metric = byId("metric").value, log = byId("log-epochs").checked, shift = log ? 1 : 0;
    if (!metric) {
      byId("curves-chart").textContent = "No run has a history.";
      return;
    }
    const bands = byId("show-bands").checked ? data.curves.bands[metric] : [];
    const traces = bands.flatMap((band, number) => bandTraces(band, number, shift));
    for (const id of state.selected) {
      const points = data.curves.runs[id] && data.curves.runs[id][metric];
      if (!points) continue;
      const x = points[0].map((epoch) => epoch + shift);
      traces.push({ x, y: points[1], name: plain(data.labels[id]), mode: "lines", line: { width: 1.5, color: colour("--fore") } });
    }
    const narrow = window.innerWidth < 700;
    Plotly.react("curves-chart", traces, layout({
      xaxis: { title: { text: log ? "epoch + 1" : "epoch (0: untrained)" }, type: log ? "log" : "linear" },
      yaxis: { title: { text: plain(metric) }, type: byId("log-values").checked ? "log" : "linear" }, hovermode: "closest",
      legend: { title: { text: plain(data.curves.names), side: "top" }, ...(narrow ? { orientation: "h", y: -0.35 } : {}) },
      showlegend: traces.length > 0,
    }), CONFIG);
  }

  function drawParallel() {
    const parallel = data.parallel, place = byId("parallel-chart");
    if (!parallel) {
      place.textContent = "No parameter varies, or no run is finished.";
      return;
    }
    if (!document.createElement("canvas").getContext("webgl")) {
      place.textContent = "This browser has no WebGL, which this chart needs; hpcsweep plot SWEEP parallel draws it too.";
      return;
    }
    const dimensions = parallel.axes.map((axis) => {
      const dimension = { label: plain(axis.label), values: axis.values };
      if (axis.texts) Object.assign(dimension, { tickvals: axis.texts.map((_, at) => at), ticktext: axis.texts.map(plain) });
      if (axis.ticks) dimension.tickvals = axis.ticks;
      return dimension;
    });
    const result = dimensions[dimensions.length - 1], dark = document.documentElement.dataset.theme === "dark";
    const line = { color: result.values, colorscale: dark ? BRIGHT : "Viridis", reversescale: parallel.reverse, showscale: true };
    Plotly.react(place, [{ type: "parcoords", dimensions, line, unselected: { line: { opacity: 0.06 } } }],
      layout({ margin: { l: 70, r: 30, t: 50, b: 30 } }), CONFIG);
  }

  // ---- start -------------------------------------------------------------------------------------------------
  for (const name of data.curves.metrics) byId("metric").add(new Option(name, name));
  const head = byId("runs-table").tHead.rows[0], corner = document.createElement("th");
  corner.scope = "col";
  corner.textContent = "draw";
  head.append(corner, ...data.columns.map(heading));
  byId("filter").addEventListener("input", drawRuns);
  byId("more").addEventListener("click", () => { state.all = true; drawRuns(); });
  byId("clear").addEventListener("click", () => { state.selected.clear(); drawRuns(); drawCurves(); });
  for (const id of ["metric", "log-epochs", "log-values", "show-bands"]) byId(id).addEventListener("change", drawCurves);
  byId("theme").addEventListener("click", () => setTheme(document.documentElement.dataset.theme !== "dark"));
  drawRuns();
  setTheme(window.matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.ready = "true";
})();
