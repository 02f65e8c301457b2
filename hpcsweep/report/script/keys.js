// The keyboard: / filters, j and k move, x selects, Enter opens, c compares, Escape closes, ? explains.

function moveTo(at) {
  list.at = Math.max(0, Math.min(list.items.length - 1, at));
  const scroller = byId("list"), top = list.at * ROW;
  if (top < scroller.scrollTop) scroller.scrollTop = top;
  if (top + ROW > scroller.scrollTop + scroller.clientHeight - ROW) scroller.scrollTop = top + 2 * ROW - scroller.clientHeight;
  scroller.setAttribute("aria-activedescendant", `row-${list.at}`);
  list.first = -1;
  paintRows();
}

function step(by) {
  const scroller = byId("list");
  if (document.activeElement !== scroller) {
    scroller.focus({ preventScroll: true });
    scroller.scrollIntoView({ block: "nearest" });
  }
  moveTo(list.at + by);
  const run = list.items[list.at]?.run;
  if (run !== undefined) hover(run);
  if (run !== undefined && state.open && state.open !== "compare") change({ open: shortId(run) });
}

function openItem() {
  const item = list.items[list.at];
  if (item?.setting) fold(item.setting.key);
  else if (item) change({ open: shortId(item.run) });
}

function selectItem() {
  const run = list.items[list.at]?.run;
  if (run !== undefined) select(run);
}

const KEYS = {
  "/": ["write a condition", () => byId("where").focus()],
  j: ["next run", () => step(1)],
  k: ["run before", () => step(-1)],
  x: ["select, to compare", selectItem],
  Enter: ["open the run", openItem],
  c: ["compare the selected runs", () => (state.selected.length > 1 ? change({ open: "compare" }) : say("Select two to ten runs first, with x."))],
  Escape: ["close", () => closeAll()],
  "?": ["these keys", () => toggleHelp()],
};
const ARROWS = { ArrowDown: "j", ArrowUp: "k" };

function toggleHelp() {
  const help = byId("help");
  help.hidden = !help.hidden;
  help.replaceChildren(make("h2", {}, "Keys"), make("dl", {}, Object.entries(KEYS).flatMap(([key, [what]]) => [make("dt", {}, make("kbd", {}, key)), make("dd", {}, what)])), button("Close", toggleHelp));
  if (!help.hidden) help.querySelector("button").focus();
}

function closeAll() {
  byId("help").hidden = true;
  if (state.open) change({ open: "" });
}

function startKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const field = event.target.closest("input, select, textarea"), isButton = event.target.closest("button, summary, a");
    if (field && event.key !== "Escape") return;
    if (isButton && event.key === "Enter") return;
    const isList = document.activeElement === byId("list"), key = isList ? ARROWS[event.key] ?? event.key : event.key;
    if (!Object.hasOwn(KEYS, key)) return;
    event.preventDefault();
    KEYS[key][1]();
  });
  byId("list").addEventListener("scroll", paintRows, { passive: true });
}
