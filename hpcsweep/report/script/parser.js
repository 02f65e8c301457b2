// From the words of a condition to its tree. A node knows its place in the text (from, to).

const COMPARISONS = ["==", "!=", "<", "<=", ">", ">=", "in", "is"];

function parsed(text) {
  const words = wordsOf(text);
  if (!words.length) return null;
  const reader = readerOf(words, text);
  const tree = readTuple(reader);
  if (reader.word) reader.refuse();
  return tree;
}

function readerOf(words, text) {
  const reader = { at: 0, depth: 0 };
  Object.defineProperty(reader, "word", { get: () => words[reader.at] });
  reader.is = (...values) => ["sign", "word"].includes(reader.word?.kind) && values.includes(reader.word.value);
  reader.next = () => words[reader.at++];
  reader.end = () => words[reader.at - 1].to;
  reader.take = (value) => (reader.is(value) ? reader.next() : null);
  reader.refuse = () => {
    const place = reader.word ? reader.word.from : text.length;
    throw new Refusal(`cannot be read as an expression at character ${place + 1}${hintFor(text)}`, place);
  };
  return reader;
}

function readTuple(reader) {
  const first = readOr(reader);
  return reader.is(",") ? readItems(reader, [first], null) : first;
}

// items after commas, until `closing`
function readItems(reader, items, closing) {
  while (reader.take(",")) {
    if (!reader.word || reader.is(closing)) break;
    items.push(readOr(reader));
  }
  return { is: "list", items, from: items[0]?.from, to: reader.end() };
}

function readOr(reader) {
  return readJoined(reader, "or", (inner) => readJoined(inner, "and", readNot));
}

function readJoined(reader, word, readPart) {
  const parts = [readPart(reader)];
  while (reader.take(word)) parts.push(readPart(reader));
  return parts.length === 1 ? parts[0] : { is: word, parts, from: parts[0].from, to: parts.at(-1).to };
}

function readNot(reader) {
  if (!reader.is("not")) return readComparison(reader);
  const { from } = reader.next();
  const of = readNot(reader);
  return { is: "not", of, from, to: of.to };
}

function readComparison(reader) {
  const parts = [readSum(reader)], signs = [];
  for (let sign = readSign(reader); sign; sign = readSign(reader)) {
    signs.push(sign);
    parts.push(readSum(reader));
  }
  return signs.length ? { is: "compare", parts, signs, from: parts[0].from, to: parts.at(-1).to } : parts[0];
}

function readSign(reader) {
  if (reader.is("not")) {
    reader.next();
    return reader.take("in") ? "not in" : reader.refuse();
  }
  if (!reader.is(...COMPARISONS)) return null;
  const sign = reader.next().value;
  return sign === "is" && reader.take("not") ? "is not" : sign;
}

const readSum = (reader) => readComputed(reader, ["+", "-"], (inner) => readComputed(inner, ["*", "/"], readFactor));

function readComputed(reader, signs, readPart) {
  let left = readPart(reader);
  while (reader.is(...signs)) {
    const sign = reader.next().value, right = readPart(reader);
    left = { is: "compute", sign, left, right, from: left.from, to: right.to };
  }
  return left;
}

function readFactor(reader) {
  if (!reader.is("-")) return readAtom(reader);
  const { from } = reader.next();
  const of = readFactor(reader);
  return { is: "minus", of, from, to: of.to };
}

function readAtom(reader) {
  const word = reader.word;
  if (++reader.depth > 400) throw new Refusal("nested too deeply");
  if (reader.is("(")) return readBracketed(reader, ")");
  if (reader.is("[")) return readBracketed(reader, "]");
  if (reader.is("True", "False", "None")) return { ...reader.next(), is: "value", value: { True: true, False: false, None: null }[word.value] };
  if (word?.kind === "value") return readTexts(reader);
  if (word?.kind !== "name") reader.refuse();
  if (PYTHON.includes(word.value) && !known.includes(word.value)) reader.refuse();
  if (!known.includes(word.value)) throw new Refusal(`no column is called "${word.value}"${nearest(word.value)}`, word.from);
  return { ...reader.next(), is: "name" };
}

// texts that follow each other are one, as in Python
function readTexts(reader) {
  const word = reader.next();
  let value = word.value, to = word.to;
  while (typeof value === "string" && reader.word?.kind === "value") {
    if (typeof reader.word.value !== "string") reader.refuse();
    value += reader.word.value;
    to = reader.next().to;
  }
  return { is: "value", value, from: word.from, to };
}

function readBracketed(reader, closing) {
  const { from } = reader.next();
  if (reader.take(closing)) return { is: "list", items: [], from, to: reader.end() };
  const first = readOr(reader);
  const isList = closing === "]" || reader.is(",");
  const inside = isList ? readItems(reader, [first], closing) : first;
  if (!reader.take(closing)) reader.refuse();
  return { ...inside, from, to: reader.end() };
}

function nearest(name) {
  const best = known.map((other) => [alikeness(name, other), other]).sort((a, b) => b[0] - a[0])[0];
  return best && best[0] >= 0.6 ? ` (did you mean "${best[1]}"?)` : "; a text needs quotes";
}

// the share of letters in the longest common row of letters of two names
function alikeness(a, b) {
  let row = new Array(b.length + 1).fill(0);
  for (const letter of a) {
    const next = [0];
    for (let at = 0; at < b.length; at++) next.push(letter === b[at] ? row[at] + 1 : Math.max(row[at + 1], next[at]));
    row = next;
  }
  return (2 * row[b.length]) / (a.length + b.length || 1);
}
