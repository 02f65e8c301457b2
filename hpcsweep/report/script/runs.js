// The list of runs: only the rows that can be seen are in the page, whatever their number.

const ROW = 28, SPARE = 8, TOLD = ": the best setting, or not to be told from it";
const list = { items: [], at: 0, first: -1, folded: new Set() };

function listColumns() {
  const extra = state.extra.map((name) => ({ name, column: columnOf(name), kind: "text" }));
  const more = narrow() ? [] : [{ name: "curve", kind: "curve" }, { name: "epochs", column: columnOf("reached_epoch"), kind: "number" }, { name: "time (s)", column: columnOf("time_s"), kind: "number" }];
  return [{ name: state.value, column: columnOf(view.value?.column ?? "time_s"), kind: "bar" }, ...more.filter((one) => one.kind === "curve" || one.column), ...extra];
}

function listItems() {
  const runs = state.sort ? [...view.runs].sort(byColumn(columnOf(state.sort))) : view.order;
  if (!state.grouped) return runs.map((run) => ({ run }));
  return view.settings.flatMap((setting) => [{ setting }, ...(list.folded.has(setting.key) ? setting.runs.map((run) => ({ run, inside: true })) : [])]);
}

function byColumn({ values }) {
  const sign = state.down ? -1 : 1, isMissing = (value) => value === null || Number.isNaN(value);
  return (a, b) => {
    const [left, right] = [values[a], values[b]];
    if (isMissing(left) || isMissing(right)) return isMissing(left) - isMissing(right);
    if (isNumber(left) && isNumber(right)) return sign * (left < right ? -1 : left > right ? 1 : 0);
    return sign * textOf(left).localeCompare(textOf(right), "en", { numeric: true });
  };
}

function paintList() {
  list.items = listItems();
  list.at = Math.min(list.at, Math.max(0, list.items.length - 1));
  list.columns = listColumns();
  list.range = colourRange(view.runs.filter(isGood).map((run) => view.numbers[run]));
  const template = `40px minmax(150px, 3fr) ${list.columns.map(({ kind }) => ({ bar: "minmax(110px, 1.3fr)", curve: "110px" }[kind] ?? "minmax(70px, 1fr)")).join(" ")}`;
  byId("list").style.setProperty("--template", template);
  byId("list").setAttribute("aria-rowcount", list.items.length + 1);
  byId("list-space").style.height = `${list.items.length * ROW}px`;
  byId("list-head").replaceChildren(make("span", {}), heading("run (best first)", ""), ...list.columns.map((one) => heading(one.name, one.column?.name)));
  const selected = state.selected.length ? `, ${state.selected.length} selected` : "";
  byId("count").textContent = `${view.runs.length.toLocaleString("en")} of ${count(total, "run")}${selected}${view.left.size ? "; bold: the best, and what cannot be told from it" : ""}`;
  list.first = -1;
  paintRows();
  paintListControls();
}

function heading(text, column) {
  if (column === undefined) return make("span", { role: "columnheader" }, text);
  const isThis = column && state.sort === column, order = isThis ? (state.down ? "descending" : "ascending") : "none";
  const sort = () => change(!column ? { sort: "", down: false } : isThis ? { down: !state.down } : { sort: column, down: isBetterHigh(column) });
  return make("span", { role: "columnheader", "aria-sort": order }, button(`${text}${isThis ? (state.down ? " ↓" : " ↑") : ""}`, sort, { class: "quiet", title: column ? `Sort by ${column}` : "Best first" }));
}

const isBetterHigh = (column) => data.values.find((value) => value.column === column)?.better === "max";

function paintRows() {
  const place = byId("list-body"), scroller = byId("list");
  const first = Math.max(0, Math.floor(scroller.scrollTop / ROW) - SPARE), last = first + Math.ceil((scroller.clientHeight || 600) / ROW) + 2 * SPARE;
  if (first === list.first) return;
  list.first = first;
  place.style.transform = `translateY(${first * ROW}px)`;
  place.replaceChildren(...list.items.slice(first, last).map((item, at) => (item.setting ? settingRow(item.setting, first + at) : runRow(item, first + at))));
}

function runRow({ run, inside }, at) {
  const place = placeInSelection(run), chosen = place >= 0;
  const cells = list.columns.map((column) => make("span", { role: "gridcell" }, cellOf(column, run)));
  const pick = make("span", { role: "gridcell", class: "pick" }, chosen ? swatch(place) : make("i", { class: `state ${stateKind(states[run])}`, title: states[run] }));
  const isLeft = view.left.has(settingOf[run]);
  const name = make("span", { role: "gridcell", class: `name${inside ? " inside" : ""}${isLeft ? " left" : ""}`, title: nameOfRun(run) + (isLeft ? TOLD : "") }, nameOfRun(run), states[run] === "done" ? null : make("em", { class: stateKind(states[run]) }, ` ${states[run]}`));
  return make("div", {
    role: "row", class: at === list.at ? "row at" : "row", id: `row-${at}`, "data-run": run, "aria-rowindex": at + 2, "aria-selected": String(chosen),
    onclick: (event) => { moveTo(at); if (event.target.closest(".pick")) select(run); else change({ open: shortId(run) }); },
    onmouseenter: () => hover(run), onmouseleave: () => hover(null),
  }, pick, name, cells);
}

function settingRow(setting, at) {
  const isOpen = list.folded.has(setting.key), isLeft = view.left.has(setting.key);
  const cells = list.columns.map(({ kind }) => make("span", { role: "gridcell" }, kind === "bar" ? `${meanText(setting, view.decimals)} (${setting.n})` : ""));
  return make("div", { role: "row", class: at === list.at ? "row at setting" : "row setting", id: `row-${at}`, "aria-rowindex": at + 2, "aria-expanded": String(isOpen), onclick: () => { moveTo(at); fold(setting.key); } },
    make("span", { role: "gridcell", class: "pick" }, isOpen ? "▾" : "▸"), make("span", { role: "gridcell", class: isLeft ? "name left" : "name", title: nameOfSetting(setting.key) + (isLeft ? TOLD : "") }, nameOfSetting(setting.key)), cells);
}

function fold(key) {
  if (!list.folded.delete(key)) list.folded.add(key);
  paintList();
}

function cellOf({ kind, column }, run) {
  if (kind === "curve") return sparkline(run);
  const value = column.values[run];
  if (kind === "text") return typeof value === "number" ? shown(value, 6) : textOf(value);
  if (kind === "number") return shown(value, 4);
  const length = Number.isFinite(value) ? 4 + 96 * shareIn(list.range, value) : 0;
  return make("span", { class: "bar-cell", style: `--length:${length.toFixed(1)}%` }, make("span", {}, shown(value, 5)));
}

function sparkline(run) {
  const metric = { name: curveMetric() }, points = pointsOf(run, metric);
  if (points.length < 2) return "";
  const pen = svgPen(100, 20), x = linear(points[0][0], points.at(-1)[0], 2, 98), y = linear(...extent(points.map((point) => point[1])), 17, 3);
  pen.path(points.map(([epoch, value]) => [x.at(epoch), y.at(value)]), { stroke: ink("soft"), width: 1.2 });
  pen.root.setAttribute("aria-hidden", "true");
  return pen.root;
}

function paintListControls() {
  const place = byId("list-controls");
  if (place.contains(document.activeElement)) return;
  const others = [...columns.keys()].filter((name) => !state.extra.includes(name));
  const add = menu("Add a column", [["", "…"], ...others.map((name) => [name, name])], "", (name) => name && change({ extra: [...state.extra, name] }));
  const drop = state.extra.map((name) => button(`${name} ×`, () => change({ extra: state.extra.filter((other) => other !== name) }), { class: "chip", "aria-label": `Remove the column ${name}` }));
  place.replaceChildren(tick("group by setting", state.grouped, (grouping) => change({ grouped: grouping })), add, ...drop, copiedAs("the list", listRows), button("Keys (?)", toggleHelp, { class: "quiet" }));
}

function listRows() {
  const names = [...new Set(["id", "state", ...data.varying, "seed", ...(view.value ? [view.value.column] : []), ...state.extra])].filter(columnOf);
  return [names, ...listItems().filter((item) => !item.setting).map(({ run }) => names.map((name) => textOf(columnOf(name).values[run])))];
}

hoverers.push((run) => {
  for (const row of document.querySelectorAll("#list-body .row")) row.classList.toggle("lit", run !== null && row.dataset.run === String(run));
});
