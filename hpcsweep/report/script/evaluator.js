// What a condition says of a run, with Python's rules: True is 1, texts have no order against numbers, NaN equals nothing.

function runsThatMeet(text) {
  const tree = parsed(text);
  if (tree === null) return everyRun;
  return everyRun.filter((run) => isTrue(valueOf(tree, run)));
}

function valueOf(node, run) {
  switch (node.is) {
    case "value": return node.value;
    case "name": return meantBy(node.value).values[run];
    case "list": return node.items.map((item) => valueOf(item, run));
    case "or": return node.parts.some((part) => isTrue(valueOf(part, run)));
    case "and": return node.parts.every((part) => isTrue(valueOf(part, run)));
    case "not": return !isTrue(valueOf(node.of, run));
    case "minus": return -numberFor(valueOf(node.of, run), "-");
    case "compute": return computed(node.sign, valueOf(node.left, run), valueOf(node.right, run));
    default: return holds(node, run);
  }
}

function holds(node, run) {
  let left = valueOf(node.parts[0], run);
  for (const [place, sign] of node.signs.entries()) {
    const right = valueOf(node.parts[place + 1], run);
    if (!compares(sign, left, right)) return false;
    left = right;
  }
  return true;
}

function compares(sign, left, right) {
  switch (sign) {
    case "==": return equal(left, right);
    case "!=": return !equal(left, right);
    case "in": return isIn(left, right);
    case "not in": return !isIn(left, right);
    case "is": return isSame(left, right);
    case "is not": return !isSame(left, right);
    default: return ordered(sign, left, right);
  }
}

const isNumber = (value) => ["number", "boolean", "bigint"].includes(typeof value);
const plainNumber = (value) => (typeof value === "boolean" ? Number(value) : value);

function kindOf(value) {
  if (isNumber(value)) return "a number";
  return typeof value === "string" || value instanceof Words ? "a text" : value === null ? "None" : "a list";
}

const isSame = (left, right) => (left instanceof Words && right === null ? left.has(null) : left === right);

function equal(left, right) {
  if (left instanceof Words) return left.has(right);
  if (right instanceof Words) return right.has(left);
  if (isNumber(left) && isNumber(right)) return plainNumber(left) == plainNumber(right);
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((item, at) => equal(item, right[at]));
  }
  return left === right;
}

function ordered(sign, left, right) {
  if (isNumber(left) && isNumber(right)) return inOrder(sign, plainNumber(left), plainNumber(right));
  if (typeof left === "string" && typeof right === "string") return inOrder(sign, byCodePoint(left, right), 0);
  if (Array.isArray(left) && Array.isArray(right)) {
    const at = left.findIndex((item, place) => place >= right.length || !equal(item, right[place]));
    return at < 0 || at >= right.length ? inOrder(sign, left.length, right.length) : ordered(sign, left[at], right[at]);
  }
  throw new Refusal(`${sign} cannot compare ${kindOf(left)} with ${kindOf(right)}`);
}

function inOrder(sign, left, right) {
  return sign === "<" ? left < right : sign === "<=" ? left <= right : sign === ">" ? left > right : left >= right;
}

function byCodePoint(left, right) {
  const a = [...left], b = [...right];
  const at = a.findIndex((letter, place) => letter !== b[place]);
  if (at < 0 || at >= b.length) return a.length - b.length;
  return a[at].codePointAt(0) - b[at].codePointAt(0);
}

function isIn(left, right) {
  if (Array.isArray(right)) return right.some((item) => equal(item, left));
  if (right instanceof Words && typeof left === "string") return (right.text ?? "").includes(left);
  if (typeof right === "string" && typeof left === "string") return right.includes(left);
  throw new Refusal(`${kindOf(left)} cannot be in ${kindOf(right)}; expected a list, or a text in a text`);
}

function isTrue(value) {
  if (typeof value === "number") return value !== 0;
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof Words) return value.text !== null;
  return Boolean(value);
}

function numberFor(value, sign) {
  if (!isNumber(value)) throw new Refusal(`${sign} computes with ${kindOf(value)}; expected a number`);
  return plainNumber(value);
}

function computed(sign, left, right) {
  let [a, b] = [numberFor(left, sign), numberFor(right, sign)];
  if (typeof a !== typeof b || sign === "/") [a, b] = [Number(a), Number(b)];
  if (sign === "/" && b === 0) throw new Refusal("division by zero");
  return sign === "+" ? a + b : sign === "-" ? a - b : sign === "*" ? a * b : a / b;
}
