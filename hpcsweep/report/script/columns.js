// The runs' columns, as Python wrote them: every value here equals the one that --where sees.

// any one of several words of a run may be meant, as in `note == 'stuck'`
class Words {
  constructor(text) {
    this.text = text;
    this.words = text === null ? [] : text.split("; ");
  }

  // a word that somebody wrote may itself have "; " in it
  has = (other) => (other === null ? this.text === null : typeof other === "string" && `; ${this.text ?? ""}; `.includes(`; ${other}; `) && this.text !== null);
}

const data = JSON.parse(byId("data").textContent);
const columns = new Map(Object.entries(data.columns).map(([name, stored]) => [name, decodedColumn(name, stored)]));
const columnOf = (name) => columns.get(Object.hasOwn(data.own, name) ? data.own[name] : name);
const wordColumns = new Map(Object.entries(data.words).map(([name, column]) => [name, columnOfWords(columnOf(column))]));
const known = [...new Set([...Object.keys(data.own), ...columns.keys(), ...wordColumns.keys()])];
// what a name means in a condition: a parameter before a column of ours, as on the command line
const meantBy = (name) => columns.get(name) ?? wordColumns.get(name) ?? columnOf(name);
const total = columnOf("id").values.length;
const ids = columnOf("id").values, states = columnOf("state").values, seeds = columnOf("seed").values;
const everyRun = Array.from({ length: total }, (_, run) => run);
const isCounted = states.map((one) => data.counted.includes(one));
const isFinished = states.map((one) => data.finished.includes(one));

function decodedColumn(name, stored) {
  const values = (stored.distinct ?? stored.values).map((value) => decoded(value, stored.nan));
  if (!stored.distinct) return indexed({ name, role: stored.role, values });
  return { name, role: stored.role, distinct: values, at: stored.at, values: stored.at.map((place) => values[place]) };
}

function decoded(value, missingIsNaN) {
  if (value === null) return missingIsNaN ? NaN : null;
  if (Array.isArray(value)) return value.map((item) => decoded(item, false));
  if (typeof value !== "object") return value;
  return value.integer ? BigInt(value.integer) : Number(value.float.replace("inf", "Infinity"));
}

// a column whose values are mostly different gets its list of them only when somebody asks for it
function indexed(column) {
  let made = null;
  const index = () => {
    const places = new Map();
    const at = column.values.map((value) => {
      const key = `${typeof value} ${textOf(value)}`;
      if (!places.has(key)) places.set(key, [places.size, value]);
      return places.get(key)[0];
    });
    return { at, distinct: [...places.values()].map(([, value]) => value) };
  };
  Object.defineProperty(column, "distinct", { get: () => (made ??= index()).distinct });
  Object.defineProperty(column, "at", { get: () => (made ??= index()).at });
  return column;
}

function columnOfWords(column) {
  const values = column.values.map((text) => new Words(typeof text === "string" ? text : null)), said = values.flatMap(({ words }) => words);
  const distinct = [...new Set(said)];
  return { name: column.name, role: "own", values, distinct, at: said.map((word) => distinct.indexOf(word)) };
}

// as the tables write a value: two that differ never look alike
function textOf(value) {
  if (Array.isArray(value)) return `[${value.map(textOf).join(", ")}]`;
  if (value === null || Number.isNaN(value)) return "None";
  return typeof value === "string" && looksLikeAnother(value) ? `"${value}"` : String(value);
}

function looksLikeAnother(text) {
  if (["None", "true", "false"].includes(text) || text !== text.trim() || /^["[]|^$/.test(text)) return true;
  return /^[+-]?(\d[\d_]*\.?\d*|\.\d+)(e[+-]?\d+)?$|^[+-]?(inf|infinity|nan)$/i.test(text);
}

// as a condition writes a value; null for one that no condition can name
function literal(value) {
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value === "string") return `'${value.replace(/[\\']/g, "\\$&").replace(/\n/g, "\\n")}'`;
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Number.isNaN(value)) return null;
  return value === null ? "None" : String(value).replace("Infinity", "1e999");
}

function conditionFor(name, value) {
  const said = literal(value);
  if (value === null) return `${name} is None`;
  return said === null ? null : `${name} == ${said}`;
}

const isNumeric = (column) => column.values.every((value) => typeof value === "number" || typeof value === "bigint");
