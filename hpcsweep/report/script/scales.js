// From values to places: linear, logarithmic, or evenly spaced by the values there are.

const AUTOMATIC_LOG = 100; // an axis of positive numbers whose largest is this many times the smallest is logarithmic

function linear(low, high, from, to) {
  const span = high - low || Math.abs(low) / 20 || 1;
  const [first, last] = high > low ? [low, high] : [low - span / 2, high + span / 2];
  const at = (value) => from + ((value - first) / (last - first)) * (to - from);
  const back = (place) => first + ((place - from) / (to - from)) * (last - first);
  return { at, back, ticks: niceNumbers(first, last, Math.abs(to - from) / 60).map((value) => ({ value, text: tickText(value) })) };
}

function logarithmic(low, high, from, to) {
  const inner = linear(Math.log10(low), Math.log10(high), from, to);
  return { at: (value) => inner.at(Math.log10(value)), back: (place) => 10 ** inner.back(place), ticks: powers(low, high) };
}

function even(values, from, to) {
  const places = new Map(values.map((value, place) => [textOf(value), place])), last = Math.max(1, values.length - 1);
  const inset = values.length === 1 ? (to - from) / 2 : 0;
  const at = (value) => from + inset + (places.get(textOf(value)) / last) * (to - from);
  const back = (place) => values[Math.round(Math.max(0, Math.min(1, (place - from) / (to - from))) * last)];
  return { at, back, ticks: values.map((value) => ({ value, text: typeof value === "number" ? tickText(value) : textOf(value) })) };
}

function niceNumbers(low, high, wanted) {
  const rough = (high - low) / Math.max(3, Math.min(8, wanted)), power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const first = Math.ceil(low / step - 1e-9), last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, at) => Number(((first + at) * step).toPrecision(12)));
}

function powers(low, high) {
  const every = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high) + 1; power++) {
    for (const factor of [1, 2, 5]) every.push(factor * 10 ** power);
  }
  const inside = every.filter((value) => value >= low * 0.999 && value <= high * 1.001);
  const tens = inside.filter((value) => Math.abs(Math.log10(value) % 1) < 1e-9);
  return (tens.length >= 3 ? tens : inside).map((value) => ({ value: Number(value.toPrecision(12)), text: tickText(value) }));
}

const tickText = (value) => shown(Number(value.toPrecision(6)), 6);

// how an axis of one parameter is drawn: numbers that span decades in logarithms, few values evenly, others as they are
function scaleOf(column, from, to) {
  const values = column.distinct;
  const numbers = values.every((value) => typeof value === "number" && Number.isFinite(value));
  if (!numbers || values.length <= 12) return even(values, from, to);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return low > 0 && high / low >= AUTOMATIC_LOG ? logarithmic(low, high, from, to) : linear(low, high, from, to);
}

// the range of colours: a few numbers far below all others must not make those look alike
function colourRange(numbers) {
  const sorted = numbers.filter(Number.isFinite).sort((a, b) => merit(a) - merit(b));
  if (!sorted.length) return [0, 1];
  return [sorted[Math.floor(sorted.length / 10)], sorted.at(-1)];
}

// the share from the worst (0) to the best (1)
function shareIn([worst, best], number) {
  return best === worst ? 1 : Math.max(0, Math.min(1, (number - worst) / (best - worst)));
}

function extent(numbers) {
  let low = Infinity, high = -Infinity;
  for (const number of numbers) {
    if (!Number.isFinite(number)) continue;
    if (number < low) low = number;
    if (number > high) high = number;
  }
  return low <= high ? [low, high] : null;
}
