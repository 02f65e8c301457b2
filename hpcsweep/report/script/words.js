// The words of a condition. The language is that of --where: a part of Python, read as hpcsweep/results/query/where.py
// reads it. tests/report/conditions.py holds the cases that both must answer alike.

class Refusal extends Error {
  constructor(message, at = null) {
    super(message);
    this.at = at;
  }
}

const LONGEST = 2000;
const WORDS = ["and", "or", "not", "in", "is", "True", "False", "None"];
const PYTHON = ["if", "else", "lambda", "for", "def", "class", "return", "import", "from", "as", "with", "while", "try", "del",
  "pass", "break", "continue", "global", "nonlocal", "raise", "yield", "assert", "async", "await", "elif", "except", "finally"];
const SIGNS = /==|!=|<=|>=|<|>|[()[\],+\-*/]/y;
const NUMBER = /(?:\d[\d_]*\.?(?:\d[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?/y;
const NAME = /[\p{L}_][\p{L}\p{N}_]*/uy;
const STRING = /'(?:\\[\s\S]|[^'\\\n])*'|"(?:\\[\s\S]|[^"\\\n])*"/y;
const LETTERS = /[\w\p{L}\p{N}]/u;

// names such as val/acc, which are no words: the longest first
const oddNames = known.filter((name) => !readAsItIs(name)).sort((a, b) => b.length - a.length);

function readAsItIs(name) {
  if (/^[\p{L}_][\p{L}\p{N}_]*$/u.test(name)) return !PYTHON.includes(name);
  return !name.trim() || /^[\d_.]+(e[-+]?\d+)?$/i.test(name);
}

function wordsOf(text) {
  if (text.length > LONGEST) throw new Refusal(`${text.length} characters; expected at most ${LONGEST}`);
  const found = [];
  for (let at = 0; at < text.length;) {
    if (/\s/.test(text[at])) {
      at += 1;
      continue;
    }
    const word = wordAt(text, at);
    if (!word) throw new Refusal(`cannot be read as an expression at character ${at + 1}${hintFor(text)}`, at);
    found.push({ ...word, from: at });
    at = word.to;
  }
  return found;
}

function wordAt(text, at) {
  const match = (pattern) => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0];
  };
  const string = match(STRING);
  if (string) return { kind: "value", value: unescaped(string.slice(1, -1)), to: at + string.length, text: string };
  const odd = oddNames.find((name) => text.startsWith(name, at) && isWhole(text, at, name.length));
  if (odd) return { kind: "name", value: odd, to: at + odd.length, text: odd };
  const number = match(NUMBER);
  if (number && !(LETTERS.test(text[at + number.length] ?? " "))) {
    return { kind: "value", value: numberOf(number, at), to: at + number.length, text: number };
  }
  const name = match(NAME);
  if (name) return { kind: WORDS.includes(name) ? "word" : "name", value: name, to: at + name.length, text: name };
  const sign = match(SIGNS);
  return sign && { kind: "sign", value: sign, to: at + sign.length, text: sign };
}

const isWhole = (text, at, length) => !/[\w.]/.test(text[at - 1] ?? " ") && !/\w/.test(text[at + length] ?? " ");

function numberOf(text, at) {
  const digits = text.replaceAll("_", "");
  if (/^0\d/.test(digits) && /^\d+$/.test(digits) && /[1-9]/.test(digits)) {
    throw new Refusal(`cannot be read as an expression at character ${at + 1}: a number begins with 0`, at);
  }
  const number = Number(digits);
  return /^\d+$/.test(digits) && !Number.isSafeInteger(number) ? BigInt(digits) : number;
}

function unescaped(text) {
  const named = { n: "\n", t: "\t", r: "\r", "\\": "\\", "'": "'", '"': '"', "\n": "" };
  return text.replace(/\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[\s\S])/g, (whole, after) =>
    after.length > 1 ? String.fromCodePoint(parseInt(after.slice(1), 16)) : named[after] ?? whole);
}

const hintFor = (text) => (text.includes("=") && !text.includes("==") ? "; equality is ==" : "");
