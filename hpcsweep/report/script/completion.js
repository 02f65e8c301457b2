// What may come next in a condition: columns, then comparisons, then the values that a column has.

const SUGGESTED = 9;

function suggestions(text, caret) {
  const before = text.slice(0, caret), start = /[^\s()[\],<>=!+*/-]*$/.exec(before).index;
  const begun = before.slice(start).replace(/^['"]/, ""), head = before.slice(0, start).trimEnd();
  const column = columnBefore(head);
  const found = column ? valuesLike(column, begun) : wantsOperator(head) ? operatorsLike(head, begun) : columnsLike(begun);
  return found.filter(([word]) => word !== before.slice(start)).slice(0, SUGGESTED).map(([word, note]) => ({ word, note, start }));
}

// the column whose value is to be said now, as in `optimizer == ` or `layers in [1, `
function columnBefore(head) {
  const words = quietly(() => wordsOf(head)) ?? [];
  let at = words.length - 1;
  while (at >= 0 && (words[at].kind === "value" || ["[", "(", ","].includes(words[at].value))) at -= 1;
  const isSign = at >= 0 && ["==", "!=", "<", "<=", ">", ">=", "in", "is"].includes(words[at].value);
  if (!isSign || words.at(-1).kind === "value") return null;
  const name = words.slice(0, at).reverse().find((word) => word.kind === "name");
  return name ? meantBy(name.value) : null;
}

function wantsOperator(head) {
  const last = (quietly(() => wordsOf(head)) ?? []).at(-1);
  return last && (last.kind === "name" || last.kind === "value" || last.value === ")" || last.value === "]");
}

function operatorsLike(head, begun) {
  const last = wordsOf(head).at(-1);
  const words = last.kind === "name" ? ["==", "!=", "<", "<=", ">", ">=", "in"] : ["and", "or"];
  return words.filter((word) => word.startsWith(begun)).map((word) => [word, ""]);
}

function columnsLike(begun) {
  const rank = { parameter: 0, result: 1, own: 2 }, wanted = begun.toLowerCase();
  const important = (name) => rank[meantBy(name).role] + (name.toLowerCase().startsWith(wanted) ? 0 : 3);
  return known.filter((name) => name.toLowerCase().includes(wanted)).sort((a, b) => important(a) - important(b))
    .map((name) => [name, meantBy(name).role === "own" ? "" : meantBy(name).role]);
}

function valuesLike(column, begun) {
  if (column.distinct.length > 200) return [];
  const counts = new Map();
  for (const place of column.at) counts.set(place, (counts.get(place) ?? 0) + 1);
  return column.distinct.map((value, place) => [literal(value), count(counts.get(place) ?? 0, "run"), textOf(value)])
    .filter(([said, , text]) => said && text.toLowerCase().includes(begun.toLowerCase()));
}

function quietly(action) {
  try {
    return action();
  } catch {
    return null;
  }
}

function startFilter() {
  const field = byId("where"), list = byId("completion");
  let found = [], chosen = -1;
  const show = () => {
    field.setAttribute("aria-expanded", String(found.length > 0));
    field.setAttribute("aria-activedescendant", chosen >= 0 ? `suggestion-${chosen}` : "");
    list.hidden = !found.length;
    list.replaceChildren(...found.map(({ word, note }, at) => make("li", {
      id: `suggestion-${at}`, role: "option", "aria-selected": String(at === chosen),
      onmousedown: (event) => { event.preventDefault(); accept(at); },
    }, make("span", {}, word), make("span", { class: "soft" }, note))));
  };
  const look = () => {
    found = document.activeElement === field ? suggestions(field.value, field.selectionStart) : [];
    chosen = -1;
    show();
  };
  const accept = (at) => {
    const { word, start } = found[at], rest = field.value.slice(field.selectionStart).replace(/^[^\s()[\],<>=!]*/, "");
    field.value = `${field.value.slice(0, start)}${word} ${rest}`;
    field.setSelectionRange(start + word.length + 1, start + word.length + 1);
    change({ where: field.value.trim() });
    look();
  };
  field.addEventListener("input", () => { change({ where: field.value.trim() }); look(); });
  field.addEventListener("focus", look);
  field.addEventListener("blur", () => { found = []; show(); });
  field.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && found.length) {
      chosen = (chosen + step + found.length) % found.length;
      show();
    } else if ((event.key === "Enter" && chosen >= 0) || (event.key === "Tab" && found.length && field.value)) {
      accept(Math.max(0, chosen));
    } else if (event.key === "Escape" || event.key === "Enter") {
      if (!found.length || event.key === "Enter") field.blur();
      found = [];
      show();
    } else return;
    event.preventDefault();
  });
}
