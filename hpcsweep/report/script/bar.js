// The bar on top: the states of the runs, the condition, the value, the address. Everything below obeys it.

const STATE_KINDS = { done: "good", diverged: "bad", failed: "bad", corrupt: "bad", running: "busy", new: "open", resumable: "open" };
const stateKind = (name) => STATE_KINDS[name] ?? "odd";

function paintStates(place) {
  const condition = (name) => `${columnOf("state").name} == ${literal(name)}`;
  const chosen = conjuncts(state.where);
  const parts = Object.entries(data.states).map(([name, number]) => make("button", {
    type: "button", class: `part ${stateKind(name)}`, style: `flex-grow: ${Math.max(number, total / 40)}`,
    "aria-pressed": String(chosen.includes(condition(name))), title: `${number} of ${total} runs are ${name}`,
    onclick: () => alsoWhere(condition(name)),
  }, make("b", {}, number), ` ${name}`));
  place.replaceChildren(...parts);
}

function paintChips() {
  const parts = conjuncts(state.where);
  const chips = parts.map((part) => button(part, () => change({ where: parts.filter((other) => other !== part).join(" and ") }),
    { class: "chip", "aria-label": `Remove the condition ${part}` }));
  const command = `${data.commands.table} --where '${state.where.replaceAll("'", "'\\''")}'`;
  const copy = button("Copy for the command line", () => copyText(command, "the command"), { class: "quiet" });
  const selected = state.selected.map((run, place) => button([swatch(place), nameOfRun(run)], () => select(run),
    { class: "chip", "aria-label": `Do not compare ${nameOfRun(run)}`, onmouseenter: () => hover(run), onmouseleave: () => hover(null) }));
  const compare = state.selected.length > 1 && button(`Compare ${state.selected.length} (c)`, () => change({ open: "compare" }), { class: "quiet" });
  const none = state.selected.length > 0 && button("Clear", () => change({ selected: [] }), { class: "quiet" });
  const kept = state.where && make("span", { class: "soft" }, `${view.runs.length.toLocaleString("en")} of ${count(total, "run")}`);
  byId("chips").replaceChildren(...[kept, ...chips, state.where && copy, ...selected, compare, none].filter(Boolean));
  byId("where-error").textContent = view.error ? `${view.error}. The filter before it still holds.` : "";
  byId("where").setAttribute("aria-invalid", String(Boolean(view.error)));
  if (document.activeElement !== byId("where")) byId("where").value = state.where;
}

function swatch(place) {
  const pen = svgPen(18, 10);
  pen.path([[0, 5], [18, 5]], { stroke: colourAt(place), width: 2, dash: dashAt(place) });
  mark(pen, 9, 5, 3.5, markAt(place), { fill: colourAt(place) });
  pen.root.setAttribute("aria-hidden", "true");
  return pen.root;
}

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  byId("theme").textContent = name === "dark" ? "Light" : "Dark";
  for (const painter of painters) painter.stale = true;
  paintVisible();
}

function startBar() {
  const value = byId("value");
  value.append(...data.values.map(({ name }) => make("option", { value: name }, name)));
  value.addEventListener("change", () => change({ value: value.value }));
  byId("share").addEventListener("click", () => copyText(location.href, "the address of this view"));
  byId("theme").addEventListener("click", () => {
    setTheme(theme() === "dark" ? "light" : "dark");
    keep("theme", theme());
  });
  byId("skip").addEventListener("click", (event) => {
    event.preventDefault();
    byId("list").focus();
  });
  setTheme(kept("theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
}

// what outlives a reload of this tab; a browser may refuse to keep anything for a file
function kept(name) {
  try {
    return sessionStorage.getItem(`${location.pathname} ${name}`);
  } catch {
    return null;
  }
}

function keep(name, text) {
  try {
    sessionStorage.setItem(`${location.pathname} ${name}`, text);
  } catch {
    // then the view begins at the top
  }
}
