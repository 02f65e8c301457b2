// One panel of curves: axes, lines, labels at their ends, and what is under the pointer.

const EDGE = { left: 58, top: 12, bottom: 38 };

// {x, y, area}: the scales of a panel for these lines of [epoch, value]
function panelScales(lines, box, { logx, logy, whole }) {
  const area = { left: box.x + EDGE.left, right: box.x + box.width - box.labels, top: box.y + EDGE.top, bottom: box.y + box.height - EDGE.bottom };
  const epochs = extent(lines.flatMap((line) => [line[0]?.[0], line.at(-1)?.[0]])) ?? [0, 1];
  const values = extent(fittedPart(lines, epochs, whole).flatMap((line) => line.map(([, value]) => (logy && value <= 0 ? NaN : value)))) ?? [0, 1];
  const shift = logx ? 1 : 0, pad = logy ? 0 : (values[1] - values[0]) * 0.04;
  const x = logx ? logarithmic(epochs[0] + 1, Math.max(epochs[1] + 1, epochs[0] + 2), area.left, area.right) : inWholes(linear(...epochs, area.left, area.right));
  const y = logy && values[0] > 0 ? logarithmic(values[0], values[1] > values[0] ? values[1] : values[0] * 2, area.bottom, area.top)
    : linear(values[0] - pad, values[1] + pad, area.bottom, area.top);
  return { area, x, y, place: ([epoch, value]) => [x.at(epoch + shift), y.at(logy ? Math.max(value, 1e-300) : value)] };
}

const inWholes = (scale) => ({ ...scale, ticks: scale.ticks.filter(({ value }) => Number.isInteger(value)) });

// the first epochs differ from all others by far: the axis is fitted to what comes after them, unless all is wanted
const SETTLED = 0.25;
const settledAt = (epochs) => Math.ceil(epochs[0] + SETTLED * (epochs[1] - epochs[0]));

function fittedPart(lines, epochs, whole) {
  const part = whole ? lines : lines.map((line) => line.filter(([epoch]) => epoch >= settledAt(epochs)));
  return part.some((line) => line.length) ? part : lines;
}

function drawAxes(pen, { area, x, y }, { title, logx, logy }) {
  const soft = { fill: ink("soft"), size: 11 };
  for (const { value, text } of y.ticks) {
    pen.path([[area.left, y.at(value)], [area.right, y.at(value)]], { stroke: ink("rule") });
    pen.text(area.left - 7, y.at(value), text, { ...soft, anchor: "end" });
  }
  let free = -Infinity;
  for (const { value, text } of x.ticks) {
    if (x.at(value) < free) continue;
    free = x.at(value) + 12 + 7 * text.length;
    pen.path([[x.at(value), area.bottom], [x.at(value), area.bottom + 4]], { stroke: ink("soft") });
    pen.text(x.at(value), area.bottom + 13, text, { ...soft, anchor: "middle" });
  }
  pen.path([[area.left, area.bottom], [area.right, area.bottom]], { stroke: ink("soft") });
  pen.text((area.left + area.right) / 2, area.bottom + 29, logx ? "epoch + 1, logarithmic" : "epoch (0: untrained)", { ...soft, anchor: "middle" });
  pen.text(area.left, area.top - 6, logy ? `${title}, logarithmic` : title, { fill: ink("ink"), size: 12, weight: 600 });
}

// labels at the ends of lines, moved apart where they would meet
function drawEndLabels(pen, scales, lines, letters) {
  const { area } = scales, step = 14;
  const labels = lines.filter((line) => line.points.length).map((line) => ({ line, end: scales.place(line.points.at(-1)) }))
    .sort((a, b) => a.end[1] - b.end[1]);
  let last = area.top - step;
  for (const label of labels) last = label.y = Math.max(label.end[1], last + step);
  let next = area.bottom + step;
  for (const label of [...labels].reverse()) next = label.y = Math.min(label.y, next - step);
  for (const { line, end, y } of labels) {
    pen.path([[end[0] + 1, end[1]], [area.right + 6, y]], { stroke: line.colour, alpha: 0.5, dash: [1, 4] }); // no data
    mark(pen, area.right + 9, y, 3.5, markAt(line.place), { fill: line.colour });
    pen.text(area.right + 16, y, shortened(line.label, letters), { fill: ink("ink"), size: 12 });
  }
}

// the line and point nearest to a place, within some pixels
function nearestPoint(drawn, scales, x, y, within = 24) {
  let best = null, least = within ** 2;
  for (const line of drawn) {
    for (const point of line.points) {
      const [px, py] = scales.place(point);
      const distance = (px - x) ** 2 + (py - y) ** 2;
      if (distance < least) [least, best] = [distance, { line, point, px, py }];
    }
  }
  return best;
}

// a canvas that fills `place`, sharp on every screen, with a second one above it for what moves
function layeredCanvas(place, height, label) {
  const width = place.clientWidth, ratio = devicePixelRatio || 1;
  const layer = () => {
    const canvas = make("canvas", { width: Math.round(width * ratio), height: Math.round(height * ratio), style: `width:${width}px;height:${height}px` });
    canvas.getContext("2d").scale(ratio, ratio);
    return canvas;
  };
  const [below, above] = [layer(), layer()];
  below.setAttribute("role", "img");
  below.setAttribute("aria-label", label);
  above.setAttribute("aria-hidden", "true");
  place.replaceChildren(make("div", { class: "layers", style: `height:${height}px` }, below, above));
  const clear = () => above.getContext("2d").clearRect(0, 0, width, height);
  return { width, height, pen: canvasPen(below.getContext("2d")), over: canvasPen(above.getContext("2d")), clear, above };
}
