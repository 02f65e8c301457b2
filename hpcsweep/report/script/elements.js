// Making elements. A text always becomes a text node, so nothing that a user wrote is ever read as markup.

const byId = (id) => document.getElementById(id);

function make(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

function draw(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return element;
}

function button(text, action, attributes = {}) {
  return make("button", { type: "button", onclick: action, ...attributes }, text);
}

function menu(label, options, chosen, action) {
  const select = make("select", { onchange: () => action(select.value) },
    options.map(([value, text]) => make("option", { value, selected: value === chosen }, text)));
  return make("label", {}, make("span", {}, label), select);
}

function tick(label, checked, action) {
  const box = make("input", { type: "checkbox", checked, onchange: () => action(box.checked) });
  return make("label", { class: "tick" }, box, make("span", {}, label));
}

// ---- numbers and words -------------------------------------------------------------------------------------------

function shown(number, digits = 4) {
  if (number === null || Number.isNaN(number)) return "–";
  if (!Number.isFinite(number)) return number > 0 ? "∞" : "−∞";
  const size = Math.abs(number);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) {
    return number.toExponential(digits - 1).replace(/\.?0+e/, "e").replace("e+", "e").replace("-", "−");
  }
  const text = number.toPrecision(digits);
  return (text.includes(".") ? text.replace(/\.?0+$/, "") : String(Number(text))).replace("-", "−");
}

// as many decimals as the spread has two digits
function decimalsFor(spread, mean) {
  const of = spread > 0 ? spread / 10 : Math.abs(mean) / 1000;
  return of > 0 && Number.isFinite(of) ? Math.max(0, Math.min(8, -Math.floor(Math.log10(of)))) : 3;
}

// with as many decimals as its spread has, or as the other numbers beside it have
function meanText(group, decimals = decimalsFor(group.std, group.mean)) {
  if (!group.n) return "–";
  if (Math.abs(group.mean) >= 1e6 || (group.mean !== 0 && Math.abs(group.mean) < 1e-4)) return shown(group.mean);
  const mean = group.mean.toFixed(decimals);
  return (group.n > 1 ? `${mean} ± ${group.std.toFixed(decimals)}` : mean).replace(/^-/, "−");
}

function signed(number, text = shown(number, 3)) {
  return number > 0 ? `+${text}` : text.replace("-", "−");
}

function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

// as much of a text as `width` pixels hold, for labels that end or begin at an edge
function fitted(text, width, { size = 12, weight = 400 } = {}) {
  fitted.context ??= document.createElement("canvas").getContext("2d");
  fitted.context.font = `${weight} ${size}px ${ink("font")}`;
  let letters = text.length;
  while (letters > 1 && fitted.context.measureText(shortened(text, letters)).width > width) letters -= 1;
  return shortened(text, letters);
}

function shortened(text, letters) {
  return text.length > letters ? `${text.slice(0, Math.max(1, letters - 1))}…` : text;
}
