// Which curves are drawn: groups in colour with their means, the others grey behind them, the best of all first.

const GROUPS = 6, VALUES = 8, GREY = 1500, MEMBERS = 60, END_LABEL = 20;
const { epochs: drawnEpochs, ends, values: curveValues } = data.curves;

// the longest run of each trajectory stands for the shorter ones, which are its beginning
const longest = longestRuns();

function longestRuns() {
  const trajectories = columnOf("trajectory").values, best = new Map();
  for (const run of everyRun) {
    const other = best.get(trajectories[run]);
    if (ends[run] !== null && (other === undefined || ends[run] > ends[other])) best.set(trajectories[run], run);
  }
  return new Set(best.values());
}

// the points of a run: [epoch, value], those that are no numbers left out
function pointsOf(run, metric) {
  return seriesOf(run, metric).filter(([, value]) => value !== null);
}

function seriesOf(run, metric) {
  if (metric.gapOf) return gapOf(run, metric);
  const values = curveValues[metric.name]?.[run] ?? [];
  return values.map((value, at) => [at < values.length - 1 ? drawnEpochs[at] : ends[run], value]);
}

// how much better training is than validation
function gapOf(run, { gapOf: name, better }) {
  const held = seriesOf(run, { name: `val_${name}` }), sign = better === "max" ? 1 : -1;
  return seriesOf(run, { name }).map(([epoch, value], at) => {
    const other = held[at]?.[1] ?? null;
    return [epoch, value === null || other === null ? null : sign * (value - other)];
  });
}

// the mean over runs, as far as all of them go: no mean jumps because a run ended
function meanOf(runs, metric) {
  const series = runs.map((run) => seriesOf(run, metric)), shortest = Math.min(...series.map((one) => one.length));
  const mean = [];
  for (let at = 0; at < shortest; at++) {
    const epoch = series[0][at][0];
    if (series.some((one) => one[at][0] !== epoch)) break;
    if (series.some((one) => one[at][1] === null)) continue;
    mean.push([epoch, series.reduce((sum, one) => sum + one[at][1], 0) / runs.length]);
  }
  return mean;
}

// {groups: [{label, runs, place}], rest: [run], cut: what was left out}
function curveGroups() {
  const able = view.order.filter((run) => ends[run] !== null);
  const selected = state.selected.filter((run) => view.kept[run] && ends[run] !== null);
  if (selected.length) return selectedGroups(selected, able);
  const drawn = able.filter((run) => longest.has(run) || !longest.size);
  const good = drawn.filter((run) => isCounted[run]);
  return state.colour === "setting" ? settingGroups(drawn, good) : valueGroups(drawn, good, columnOf(state.colour));
}

function selectedGroups(selected, able) {
  const groups = selected.map((run) => ({ label: nameOfRun(run), runs: [run], place: placeInSelection(run) }));
  return withRest(groups, able, "");
}

function settingGroups(drawn, good) {
  const names = data.varying.filter((name) => name !== "epochs").map(columnOf);
  const found = summarised(grouped(good, (run) => names.map((column) => column.at[run]).join(",")));
  const shown = found.slice(0, GROUPS), labels = endLabels(names, shown.map((group) => group.runs[0]));
  const groups = shown.map((group, place) => ({ label: labels[place], runs: group.runs, place }));
  const cut = found.length > GROUPS ? `The ${GROUPS} best of ${found.length} settings are in colour.` : "";
  return withRest(groups, drawn, cut + (labels.told ? ` At their ends stands what differs: ${labels.told.join(" · ")}.` : ""));
}

// names of settings; where they are too long for the end of a line, only what differs among them, whose names are `told`
function endLabels(names, runs) {
  const written = (some) => runs.map((run) => some.map((column) => shortText(column, run)).join(" · ") || data.title);
  const whole = written(names), told = names.filter((column) => new Set(runs.map((run) => column.at[run])).size > 1);
  if (!told.length || told.length === names.length || Math.max(...whole.map((text) => text.length)) <= END_LABEL) return whole;
  return Object.assign(written(told), { told: told.map((column) => column.name) });
}

function valueGroups(drawn, good, column) {
  const found = summarised(grouped(good, (run) => column.at[run]));
  const groups = found.slice(0, VALUES).map((group) => ({ label: textOf(column.distinct[group.key]), runs: group.runs, place: group.key }));
  return withRest(groups, drawn, found.length > VALUES ? `The ${VALUES} best of ${found.length} values are in colour.` : "");
}

function withRest(groups, drawn, cut) {
  const inColour = new Set(groups.flatMap((group) => group.runs));
  const others = drawn.filter((run) => !inColour.has(run)), rest = others.slice(0, GREY);
  const grey = others.length > GREY ? ` Grey: the ${GREY} best of ${others.length} other runs.` : "";
  return { groups, rest, cut: cut + grey };
}

// an average that forgets, begun without a bias to 0, as TensorBoard smooths
function smoothed(points, weight) {
  let sum = 0, norm = 0;
  return points.map(([epoch, value]) => {
    sum = sum * weight + (1 - weight) * value;
    norm = norm * weight + (1 - weight);
    return [epoch, sum / norm];
  });
}
