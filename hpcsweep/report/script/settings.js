// What follows from the state: which runs are kept, and what their settings came to.

const view = { runs: everyRun, kept: new Uint8Array(total).fill(1), value: null, numbers: [], settings: [], left: new Set(), error: null };
const varyingColumns = data.varying.map(columnOf);
const settingOf = numberedSettings();
const settingNames = varyingColumns.length ? nameSettings() : [];

function numberedSettings() {
  const numbers = new Map();
  return everyRun.map((run) => {
    const key = varyingColumns.map((column) => column.at[run]).join(",");
    if (!numbers.has(key)) numbers.set(key, numbers.size);
    return numbers.get(key);
  });
}

function nameSettings() {
  const names = [];
  for (const run of everyRun) names[settingOf[run]] ??= varyingColumns.map((column) => shortText(column, run)).join(" · ");
  return names;
}

// in a name a number has four digits, or as many as tell the values of its parameter apart
function shortText(column, run) {
  return shortTexts(column)[column.at[run]];
}

function shortTexts(column) {
  column.short ??= [4, 6, 9].map((digits) => column.distinct.map((value) => rounded(value, digits))).find((texts) => new Set(texts).size === texts.length) ?? column.distinct.map(textOf);
  return column.short;
}

function rounded(value, digits) {
  return textOf(typeof value === "number" && Number.isFinite(value) && !Number.isInteger(value) ? Number(value.toPrecision(digits)) : value);
}

const nameOfSetting = (setting) => settingNames[setting] ?? data.title;
const nameOfRun = (run) => `${nameOfSetting(settingOf[run])} · seed ${seeds[run]}`;

// as in a sentence: "2 layers" would need grammar, "layers 2" needs none
function longNameOf(run) {
  return varyingColumns.map((column) => `${column.name} ${shortText(column, run)}`).join(", ") || data.title;
}

function settingCondition(run) {
  return data.varying.map((name) => conditionFor(name, columnOf(name).values[run])).filter(Boolean).join(" and ");
}

// the settings that the seeds cannot tell from the best, judged over all runs: of a part of them nothing is known
function settingsLeft() {
  return state.where ? [] : (data.best[state.value]?.left ?? []).map((run) => settingOf[run]);
}

function deriveView() {
  view.value = data.values.find((value) => value.name === state.value) ?? null;
  view.numbers = view.value ? columnOf(view.value.column).values : new Array(total).fill(NaN);
  view.error = null;
  try {
    view.runs = runsThatMeet(state.where);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    view.error = error.message;
  }
  view.kept.fill(0);
  for (const run of view.runs) view.kept[run] = 1;
  view.settings = summarised(grouped(view.runs, (run) => settingOf[run]));
  view.left = new Set(settingsLeft());
  view.decimals = decimalsAmong(view.settings);
  view.order = [...view.runs].sort(byMerit);
}

// means that stand below each other have the decimals of the middle one
function decimalsAmong(groups) {
  const found = groups.filter((group) => group.n).map((group) => decimalsFor(group.std, group.mean)).sort((a, b) => a - b);
  return found[Math.floor(found.length / 2)] ?? 3;
}

const isBetterLow = () => view.value?.better === "min";
const isGood = (run) => isCounted[run] && Number.isFinite(view.numbers[run]);
const merit = (number) => (isBetterLow() ? -number : number);

function byMerit(a, b) {
  const [goodA, goodB] = [isGood(a), isGood(b)];
  if (goodA !== goodB) return goodA ? -1 : 1;
  return goodA ? merit(view.numbers[b]) - merit(view.numbers[a]) : isFinished[b] - isFinished[a];
}

function grouped(runs, keyOf) {
  const groups = new Map();
  for (const run of runs) {
    const key = keyOf(run);
    if (groups.has(key)) groups.get(key).push(run);
    else groups.set(key, [run]);
  }
  return groups;
}

// the groups with a number first, the best of them first
function summarised(groups) {
  return [...groups].map(([key, runs]) => ({ key, runs, ...statisticsOf(runs) }))
    .sort((a, b) => (b.n > 0) - (a.n > 0) || merit(b.mean) - merit(a.mean) || 0);
}

// mean and standard deviation (n − 1) over the runs that count
function statisticsOf(runs) {
  const good = runs.filter(isGood), n = good.length;
  const mean = n ? good.reduce((sum, run) => sum + view.numbers[run], 0) / n : NaN;
  const squares = good.reduce((sum, run) => sum + (view.numbers[run] - mean) ** 2, 0);
  return { good, n, mean, std: n > 1 ? Math.sqrt(squares / (n - 1)) : NaN };
}
