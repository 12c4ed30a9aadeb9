// What the page knows, and how it is shown. File names and cells only ever become text, never markup.
const byId = (id) => document.getElementById(id);
const DATA = JSON.parse(byId("data").textContent);
const N = DATA.names.length;
const COLUMNS = new Map(DATA.columns.map((column) => [column.name, column]));
const SCORE = COLUMNS.get(DATA.score);
const blocks = new Map();

function picture(i) {
  const k = Math.floor(i / DATA.per);
  if (!blocks.has(k)) blocks.set(k, JSON.parse(byId(`block-${k}`).textContent));
  const found = blocks.get(k)[i % DATA.per];
  return found === null ? null : `data:image/webp;base64,${found}`;
}

function make(tag, attributes = {}, ...children) {
  const node = tag.startsWith("svg:")
    ? document.createElementNS("http://www.w3.org/2000/svg", tag.slice(4))
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

function image(i, alt = "") {
  const source = picture(i);
  return source === null ? null : make("img", { src: source, alt });
}

function number(value, digits) {
  if (value === null || !Number.isFinite(value)) return "–";
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) > 0 ? `−${text}` : text;
}

function cell(column, i) {
  const value = column.values[i];
  if (column.kind === "number") return number(value, column.digits);
  return value === null ? "–" : value;
}

function told(i) {
  return `${SCORE.label} ${cell(SCORE, i)}`;
}

function mixed(shades, at) {
  const place = Math.min(Math.max(at, 0), 1) * (shades.length - 1);
  const k = Math.min(Math.floor(place), shades.length - 2);
  const [from, to] = [shades[k], shades[k + 1]].map((hex) => [1, 3, 5].map((j) => parseInt(hex.slice(j, j + 2), 16)));
  return from.map((one, j) => Math.round(one + (to[j] - one) * (place - k)));
}

// A colour scale with the numbers at its ends.
function scale(shades, from, to) {
  const bar = make("span", { class: "scale" });
  bar.style.background = `linear-gradient(to right, ${shades.join(", ")})`;
  return [from, bar, to];
}

function download(text, name) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const link = make("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

function range(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value === null) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

// About five round numbers between two.
function ticks(low, high) {
  const rough = (high - low) / 5 || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) found.push(k * step);
  return { values: found, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}
