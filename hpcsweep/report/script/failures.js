// The runs without a result, by cause, and which parameter values stand out among them.

const WITHOUT = ["failed", "corrupt", "diverged", "of a newer hpcsweep"];

function paintFailures(place) {
  const failed = view.runs.filter((run) => WITHOUT.includes(states[run]));
  const causes = columnOf("cause").values;
  const groups = [...grouped(failed, (run) => `${states[run]}: ${typeof causes[run] === "string" ? causes[run] : "the loss became infinite or undefined"}`)]
    .sort((a, b) => b[1].length - a[1].length);
  const none = make("p", { class: "soft" }, `No run${state.where ? " that is kept" : ""} failed or diverged.`);
  place.replaceChildren(...(groups.length ? groups.map(failureGroup) : [none]));
}

function failureGroup([text, runs]) {
  const where = `${columnOf("state").name} == ${literal(states[runs[0]])}`, common = standingOut(runs);
  const first = runs.slice(0, 12).map((run) => button(shortId(run).slice(0, 8), () => change({ open: shortId(run) }), { class: "chip" }));
  return make("div", { class: "failure" },
    make("h3", {}, `${count(runs.length, "run")} ${text}`),
    common && make("p", {}, "Stands out: ", button(common.names.join(", "), () => alsoWhere(common.condition), { class: "chip" }), ` ${common.hit} of its ${count(common.all, "run")}`),
    data.logs[runs[0]] && make("details", {}, make("summary", {}, "The last lines of one log"), make("pre", { tabindex: 0 }, data.logs[runs[0]])),
    make("p", {}, first, runs.length > 12 && button(`and ${runs.length - 12} more`, () => alsoWhere(where), { class: "quiet" })));
}

// values that nearly all of these runs have, taken while they leave fewer others: {names, condition, hit, all}
function standingOut(runs) {
  const inside = new Set(runs), names = [...data.varying, columnOf("seed").name], chosen = [];
  let all = everyRun, hit = runs;
  for (;;) {
    const best = names.filter((name) => !chosen.some((one) => one.name === name))
      .map((name) => mostCommon(columnOf(name), hit, all)).filter(({ hits }) => hits.length >= 0.9 * runs.length)
      .sort((a, b) => a.others.length - b.others.length)[0];
    if (!best || best.others.length > 0.8 * all.length) break;
    chosen.push(best);
    [hit, all] = [best.hits, best.others];
  }
  const condition = chosen.map(({ name, value }) => conditionFor(name, value)).filter(Boolean).join(" and ");
  return chosen.length > 0 && condition ? { names: chosen.map(({ name, value }) => `${name}=${textOf(value)}`), condition, hit: all.filter((run) => inside.has(run)).length, all: all.length } : null;
}

function mostCommon(column, hit, all) {
  const counts = new Map();
  for (const run of hit) counts.set(column.at[run], (counts.get(column.at[run]) ?? 0) + 1);
  const [place] = [...counts].sort((a, b) => b[1] - a[1])[0];
  const has = (run) => column.at[run] === place;
  return { name: column.name, value: column.distinct[place], hits: hit.filter(has), others: all.filter(has) };
}
