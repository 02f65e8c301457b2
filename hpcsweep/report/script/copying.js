// Drawing with one pen on the screen, into an SVG file and into a PNG file; and copying tables as text.

function canvasPen(context) {
  const set = ({ stroke, fill, width = 1, dash = [], alpha = 1 }) => {
    Object.assign(context, { strokeStyle: stroke ?? "transparent", fillStyle: fill ?? "transparent", lineWidth: width, globalAlpha: alpha });
    context.setLineDash(dash);
  };
  const finish = (style) => {
    if (style.fill) context.fill();
    if (style.stroke) context.stroke();
  };
  return {
    path(points, style, closed = false) {
      set(style);
      context.lineJoin = "round";
      context.beginPath();
      points.forEach(([x, y], at) => (at ? context.lineTo(x, y) : context.moveTo(x, y)));
      if (closed) context.closePath();
      finish(style);
    },
    box(x, y, width, height, style) {
      set(style);
      context.beginPath();
      context.rect(x, y, width, height);
      finish(style);
    },
    text(x, y, text, { fill, size = 12, anchor = "start", weight = 400 }) {
      set({ fill });
      context.font = `${weight} ${size}px ${ink("font")}`;
      Object.assign(context, { textAlign: anchor === "middle" ? "center" : anchor, textBaseline: "middle" });
      context.fillText(text, x, y);
    },
    clip(x, y, width, height, inside) {
      context.save();
      context.beginPath();
      context.rect(x, y, width, height);
      context.clip();
      inside();
      context.restore();
    },
  };
}

function svgPen(width, height) {
  const root = draw("svg", { xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 ${width} ${height}`, width, height });
  const clipped = [root];
  const look = ({ stroke, fill, width: line = 1, dash = [], alpha = 1 }) => ({
    fill: fill ?? "none", stroke: stroke ?? "none", "stroke-width": line, "stroke-dasharray": dash.join(" ") || null,
    opacity: alpha === 1 ? null : alpha, "stroke-linejoin": "round",
  });
  const add = (element) => {
    clipped.at(-1).append(element);
    return element;
  };
  const rounded = (number) => Number(number.toFixed(2));
  return {
    root,
    path(points, style, closed = false) {
      const steps = points.map(([x, y], at) => `${at ? "L" : "M"}${rounded(x)} ${rounded(y)}`).join("");
      return add(draw("path", { d: steps + (closed ? "Z" : ""), ...look(style) }));
    },
    box: (x, y, w, h, style) => add(draw("rect", { x: rounded(x), y: rounded(y), width: rounded(w), height: rounded(h), rx: style.round, ...look(style) })),
    text: (x, y, text, { fill, size = 12, anchor = "start", weight = 400 }) => add(draw("text", {
      x: rounded(x), y: rounded(y), fill, "font-size": size, "text-anchor": anchor, "font-weight": weight,
      "font-family": ink("font"), "dominant-baseline": "central",
    }, text)),
    clip(x, y, w, h, inside) {
      const id = `clip${Math.round(x)}-${Math.round(y)}`;
      add(draw("clipPath", { id }, draw("rect", { x, y, width: w, height: h })));
      clipped.push(add(draw("g", { "clip-path": `url(#${id})` })));
      inside();
      clipped.pop();
    },
  };
}

function mark(pen, x, y, radius, shape, style) {
  const corners = {
    square: [[-1, -1], [1, -1], [1, 1], [-1, 1]], diamond: [[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]],
    triangle: [[0, -1.2], [1.2, 0.9], [-1.2, 0.9]],
    circle: Array.from({ length: 16 }, (_, at) => [Math.cos((at * Math.PI) / 8), Math.sin((at * Math.PI) / 8)]),
  };
  return pen.path((corners[shape] ?? corners.circle).map(([dx, dy]) => [x + dx * radius, y + dy * radius]), style, true);
}

// ---- files and the clipboard --------------------------------------------------------------------------------------

function saveAs(name, blob) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// two buttons under a chart that save what `paint(pen, width, height)` draws
function savedAs(name, sizeOf, paint) {
  const file = `${data.title}-${name}`.replace(/[^\w.-]+/g, "-");
  const asSvg = () => {
    const [width, height] = sizeOf(), pen = svgPen(width, height);
    pen.box(0, 0, width, height, { fill: ink("paper") });
    paint(pen, width, height);
    saveAs(`${file}.svg`, new Blob([new XMLSerializer().serializeToString(pen.root)], { type: "image/svg+xml" }));
  };
  const asPng = () => {
    const [width, height] = sizeOf(), canvas = make("canvas", { width: width * 2, height: height * 2 });
    const context = canvas.getContext("2d"), pen = canvasPen(context);
    context.scale(2, 2);
    pen.box(0, 0, width, height, { fill: ink("paper") });
    paint(pen, width, height);
    canvas.toBlob((blob) => saveAs(`${file}.png`, blob));
  };
  return make("span", { class: "saving" }, button("PNG", asPng), button("SVG", asSvg));
}

async function copyText(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = make("textarea", { class: "aside" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  say(`Copied ${what}.`);
}

const FORMATS = { CSV: csvOf, LaTeX: latexOf, Markdown: markdownOf };

// a button for each format, which copies the rows (the first is the head) that `rowsOf()` gives
function copiedAs(what, rowsOf) {
  return make("span", { class: "saving" }, Object.entries(FORMATS).map(([name, format]) =>
    button(name, () => copyText(format(rowsOf().map((row) => row.map(String))), `${what} as ${name}`), { "aria-label": `Copy ${what} as ${name}` })));
}

// a spreadsheet must not run what begins like a formula, and numbers do
function csvOf(rows) {
  const cell = (text) => (/^[=+\-@\t\r]/.test(text) && !/^-?[\d.]/.test(text) ? `'${text}` : text);
  return rows.map((row) => row.map(cell).map((text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)).join(",")).join("\n");
}

function markdownOf(rows) {
  const line = (row) => `| ${row.map((text) => text.replace(/[|\\]/g, "\\$&").replace(/\n/g, " ")).join(" | ")} |`;
  return [line(rows[0]), `|${" --- |".repeat(rows[0].length)}`, ...rows.slice(1).map(line)].join("\n");
}

function latexOf(rows) {
  const named = { "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "±": "$\\pm$", "−": "$-$", "·": "$\\cdot$", "–": "--" };
  const line = (row) => `${row.map((text) => text.replace(/[\\{}$&#%_~^±−·–]/g, (one) => named[one] ?? `\\${one}`)).join(" & ")} \\\\`;
  const body = [line(rows[0]), "\\midrule", ...rows.slice(1).map(line)];
  return [`\\begin{tabular}{${"l".repeat(rows[0].length)}}`, "\\toprule", ...body, "\\bottomrule", "\\end{tabular}"].join("\n");
}
