// The first screen: which setting is best, how sure that is, and what to doubt.

const ROWS = { wide: 10, narrow: 6 };
const VALUE = { wide: 112, narrow: 62 };
const narrow = () => innerWidth < 700;

function paintHeadline(place) {
  const [best] = view.settings, { value } = view;
  if (!value || !best?.n) {
    place.replaceChildren(make("p", { class: "number" }, "No result yet"), make("p", {}, `${view.runs.length ? "No run that is kept has a number." : "No run meets the condition."}`));
    return;
  }
  const run = best.good[0];
  const name = value.better ? `Best ${value.name}` : `${value.name}: the highest, though it is not known whether more is better`;
  place.replaceChildren(
    make("p", { class: "eyebrow" }, name),
    make("p", { class: "number" }, meanText(best, view.decimals), make("span", { class: "soft" }, ` ${best.n > 1 ? `${best.n} seeds` : "one seed"}`)),
    make("p", { class: "setting" }, longNameOf(run)),
    make("p", { class: "soft" }, secondSentence(best)),
  );
}

function secondSentence(best) {
  const others = view.settings.filter((group) => group !== best && group.n);
  if (!others.length) return "There is no other setting to compare it with.";
  const judged = data.best[view.value.name];
  if (judged && !state.where) return judged.said;
  const next = others[0], gap = Math.abs(best.mean - next.mean);
  const why = state.where ? "Among the runs that are kept, by the mean: which settings it can be told from is judged over all runs only." : "";
  return `The next of ${count(others.length + 1, "setting")} is ${shown(gap, 2)} behind: ${nameOfSetting(next.key)}. ${why}`;
}

// one row a setting: each seed a dot, the mean a bar
function paintDots(place) {
  const rows = view.settings.filter((group) => group.n).slice(0, narrow() ? ROWS.narrow : ROWS.wide);
  const height = 24 * rows.length + 26;
  if (!rows.length) return place.replaceChildren();
  const names = narrow() ? endLabels(varyingColumns, rows.map((group) => group.runs[0])) : rows.map((group) => nameOfSetting(group.key));
  const paint = (pen, width) => drawDots(pen, width, height, rows.map((group, at) => ({ ...group, name: names[at] })));
  const pen = svgPen(place.clientWidth, height);
  pen.root.setAttribute("role", "img");
  pen.root.setAttribute("aria-label", rows.map((group) => `${nameOfSetting(group.key)}: ${meanText(group)}`).join("; "));
  paint(pen, place.clientWidth);
  const all = view.settings.filter((group) => group.n).length, parameters = names.told ?? data.varying, told = parameters.length ? `${parameters.join(" · ")}. ` : "";
  const said = make("span", { class: "soft" }, `${told}${all > rows.length ? `The ${rows.length} best of ${all} settings. ` : ""}Dots are seeds, bars are means.${view.left.size > 1 ? " The coloured ones cannot be told from the best." : ""}`);
  place.replaceChildren(make("h2", {}, "Best settings"), pen.root, make("p", { class: "under" }, said, savedAs("best", () => [place.clientWidth, height], paint)));
}

function drawDots(pen, width, height, rows) {
  const left = Math.min(width * 0.42, 12 + 6.6 * Math.max(...rows.map((group) => group.name.length))), right = width - (narrow() ? VALUE.narrow : VALUE.wide);
  const scale = linear(...extent(rows.flatMap((group) => group.good.map((run) => view.numbers[run]))), left + 16, right - 10);
  for (const { value, text } of scale.ticks) {
    pen.path([[scale.at(value), 0], [scale.at(value), height - 22]], { stroke: ink("rule") });
    pen.text(scale.at(value), height - 10, text, { fill: ink("soft"), anchor: "middle", size: 11 });
  }
  rows.forEach((group, place) => drawDotRow(pen, { left, right, width, scale, y: 24 * place + 12 }, group, place));
}

function drawDotRow(pen, { left, right, width, scale, y }, group, place) {
  const { name } = group, isLeft = view.left.size ? view.left.has(group.key) : !place, weight = isLeft ? 600 : 400, colour = isLeft ? ink("accent") : ink("soft");
  const label = pen.text(left, y, fitted(name, left, { weight }), { fill: ink("ink"), anchor: "end", weight });
  for (const run of group.good) {
    const at = placeInSelection(run), fill = at < 0 ? colour : colourAt(at);
    const dot = mark(pen, scale.at(view.numbers[run]), y, 4.5, at < 0 ? "circle" : markAt(at), { fill, alpha: at < 0 ? 0.55 : 1 });
    pointed(dot, () => [nameOfRun(run), `${view.value.name} ${shown(view.numbers[run])}`], () => select(run), run);
  }
  const mean = scale.at(group.mean);
  pen.path([[mean, y - 8], [mean, y + 8]], { stroke: isLeft ? ink("accent") : ink("ink"), width: 2.5 });
  pen.text(width, y, narrow() ? group.mean.toFixed(view.decimals) : meanText(group, view.decimals), { fill: ink("ink"), anchor: "end", weight, size: 11.5 });
  pointed(label, () => [nameOfSetting(group.key), "Click: show only these runs"], () => alsoWhere(settingCondition(group.runs[0])));
}

function paintDoubts(place) {
  const chosen = conjuncts(state.where), short = data.doubts.filter((doubt) => doubt.where), long = data.doubts.filter((doubt) => !doubt.where);
  const buttons = short.map(({ text, title, where }) => {
    const condition = where.includes(" or ") ? `(${where})` : where;
    return button(text, () => alsoWhere(condition), { class: "doubt", title, "aria-pressed": String(chosen.includes(condition)) });
  });
  const notes = long.length > 0 && make("details", { class: "notes" }, make("summary", {}, count(long.length, "note")),
    make("ul", {}, long.map(({ text }) => make("li", {}, text))));
  const none = !short.length && !long.length && make("span", { class: "soft" }, "Nothing: no run failed or diverged, and none has a note.");
  place.replaceChildren(make("span", { class: "soft" }, "To doubt "), ...[...buttons, notes, none].filter(Boolean));
}

// ---- a small note beside the pointer ------------------------------------------------------------------------------

function pointed(element, lines, action, run = null) {
  if (!(element instanceof Element)) return;
  element.classList.add("pointed");
  element.addEventListener("pointerenter", (event) => { tip(event, lines()); hover(run); });
  element.addEventListener("pointerleave", () => { untip(); hover(null); });
  if (action) element.addEventListener("click", () => { untip(); action(); });
}

function tip(event, lines) {
  const note = byId("tip");
  note.replaceChildren(...lines.map((line, at) => make(at ? "div" : "b", {}, line)));
  note.hidden = false;
  const { offsetWidth: width, offsetHeight: height } = note;
  note.style.left = `${Math.max(4, Math.min(innerWidth - width - 8, event.clientX + 14))}px`;
  note.style.top = `${event.clientY + height + 20 > innerHeight ? event.clientY - height - 12 : event.clientY + 16}px`;
}

function untip() {
  byId("tip").hidden = true;
}
