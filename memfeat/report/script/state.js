// Which images are shown, in which order, and which one is selected. Parts of the page listen.
const PER_PAGE = 60;
const state = {
  query: "", flag: "all", group: "", low: null, high: null, open: false, sort: DATA.score, falling: true, page: 0, selected: null,
};
const listeners = { shown: [], selected: [] };
let shown = [];
let isShown = new Uint8Array(N);
const collator = new Intl.Collator("en", { numeric: true });
const GROUP = DATA.by === null ? null : { label: COLUMNS.get(DATA.by).label, values: DATA.sets };

const FLAGS = { all: () => true, none: (i) => DATA.flags[i].length === 0 };
for (const flag of new Set(DATA.flags.flat())) FLAGS[`flag ${flag}`] = (i) => DATA.flags[i].includes(flag);

// What is searched: the name, and every cell that holds words. Some systems write an ü of a file name as two letters.
const plain = (text) => text.normalize("NFKC").toLowerCase();
const words = DATA.names.map((name, i) =>
  plain([name, DATA.notes[i], ...DATA.columns.filter((one) => one.kind !== "number").map((one) => one.values[i] ?? "")].join("\n")));

// A bar ends before its upper edge, numbers that are typed are both meant; what could not be read is in no bar.
function within(i) {
  if (state.low === null && state.high === null) return true;
  const value = SCORE.values[i];
  if (value === null || DATA.flags[i].includes("unreadable")) return false;
  return (state.low === null || value >= state.low) &&
    (state.high === null || value < state.high || (!state.open && value === state.high));
}

function compare(a, b) {
  if (state.sort === "") return collator.compare(DATA.names[a], DATA.names[b]);
  const column = COLUMNS.get(state.sort);
  const [x, y] = [column.values[a], column.values[b]];
  return column.kind === "number" ? x - y : collator.compare(x, y);
}

function apply() {
  const query = plain(state.query.trim());
  const passes = FLAGS[state.flag];
  shown = [];
  for (let i = 0; i < N; i++) {
    const there = (query === "" || words[i].includes(query)) && passes(i) && within(i) &&
      (state.group === "" || GROUP.values[i] === state.group);
    if (there) shown.push(i);
    isShown[i] = there ? 1 : 0;
  }
  const sign = state.falling ? -1 : 1;
  const column = state.sort === "" ? null : COLUMNS.get(state.sort).values;
  // images without a value come last either way; ties stay in the order of the table
  const lacks = (i) => column !== null && column[i] === null;
  shown.sort((a, b) => (lacks(a) || lacks(b) ? lacks(a) - lacks(b) : sign * compare(a, b)) || a - b);
  for (const listen of listeners.shown) listen();
}

function change(what) {
  Object.assign(state, { page: 0 }, what);
  apply();
}

function select(i) {
  state.selected = i;
  for (const listen of listeners.selected) listen();
}

function say(text) {
  byId("say").textContent = text;
}

const tip = byId("tip");
function showTip(i, x, y, more = "") {
  tip.replaceChildren(...[image(i), make("div", {}, DATA.names[i]), make("div", {}, more || told(i))].filter(Boolean));
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  const [right, below] = [x + 16 + width < innerWidth, y + 16 + height < innerHeight];
  tip.style.left = `${Math.max(4, right ? x + 16 : x - 16 - width)}px`;
  tip.style.top = `${Math.max(4, below ? y + 16 : y - 16 - height)}px`;
}
function hideTip() {
  tip.hidden = true;
}
