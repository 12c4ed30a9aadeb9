// Dissimilarities: pointing at a cell shows its two images.
if (DATA.rdm) {
  const { images, low, high, steps } = DATA.rdm;
  const n = images.length;
  const bytes = Uint8Array.from(atob(DATA.rdm.pairs), (letter) => letter.charCodeAt(0));
  const pairs = new Uint16Array(bytes.buffer);
  const missing = 65535;
  // the upper triangle, row by row
  const index = (a, b) => (a < b ? a * n - (a * (a + 1)) / 2 + b - a - 1 : index(b, a));
  const distance = (a, b) => {
    if (a === b) return 0;
    const step = pairs[index(a, b)];
    return step === missing ? null : low + (step / steps) * (high - low);
  };
  const canvas = make("canvas", {
    width: n, height: n, tabindex: 0, role: "application",
    "aria-label": `Dissimilarity of every two of ${n} images. Arrow keys move through the cells, Enter selects the image of the row.`,
  });
  byId("matrix").append(canvas);
  const orders = { score: `by ${SCORE.label}`, name: "by name" };
  if (GROUP !== null) orders.group = `by ${GROUP.label}`;
  byId("rdm-order").append(...Object.entries(orders).map(([value, text]) => make("option", { value }, text)));
  const bottom = Math.min(low, 0);
  byId("rdm-legend").replaceChildren(...scale(DATA.colours.distance, `${DATA.rdm.measure}: ${bottom.toFixed(2)}`, high.toFixed(2)));
  let order = [];
  const cursor = { row: 0, column: 0 };

  const SORTED = {
    score: (a, b) => (SCORE.values[images[b]] ?? -Infinity) - (SCORE.values[images[a]] ?? -Infinity),
    name: (a, b) => collator.compare(DATA.names[images[a]], DATA.names[images[b]]),
    group: (a, b) => collator.compare(GROUP.values[images[a]] ?? "\uffff", GROUP.values[images[b]] ?? "\uffff") || SORTED.score(a, b),
  };

  function draw() {
    order = images.map((_, k) => k).sort((a, b) => SORTED[byId("rdm-order").value](a, b) || a - b);
    const context = canvas.getContext("2d");
    const pixels = context.createImageData(n, n);
    const cells = new Uint32Array(pixels.data.buffer);
    // red, green, blue and opacity are the bytes of a number, lowest first
    const packed = ([red, green, blue]) => ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
    const shades = Array.from({ length: 256 }, (_, k) => packed(mixed(DATA.colours.distance, k / 255)));
    const [unknown, per] = [packed([208, 208, 208]), 255 / (high - bottom || 1)];
    for (let row = 0; row < n; row++) {
      for (let column = row; column < n; column++) {
        const value = distance(order[row], order[column]);
        const shade = value === null ? unknown : shades[Math.round((value - bottom) * per)];
        cells[row * n + column] = shade;
        cells[column * n + row] = shade;
      }
    }
    context.putImageData(pixels, 0, 0);
  }

  function show(row, column, event) {
    Object.assign(cursor, { row, column });
    const [a, b] = [order[row], order[column]];
    const value = distance(a, b);
    const text = `${DATA.names[images[a]]} and ${DATA.names[images[b]]}: ${value === null ? "–" : value.toFixed(3)}`;
    byId("cell").textContent = text;
    tip.replaceChildren(...[image(images[a]), a === b ? null : image(images[b]), make("div", {}, text)].filter(Boolean));
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(event.clientX + 16, innerWidth - width - 4))}px`;
    tip.style.top = `${Math.max(4, Math.min(event.clientY + 16, innerHeight - height - 4))}px`;
  }

  const inside = (value) => Math.min(Math.max(Math.floor(value), 0), n - 1);
  const found = (event) => {
    const box = canvas.getBoundingClientRect();
    return [inside(((event.clientY - box.top) / box.height) * n), inside(((event.clientX - box.left) / box.width) * n)];
  };
  canvas.addEventListener("pointermove", (event) => show(...found(event), event));
  canvas.addEventListener("pointerleave", hideTip);
  canvas.addEventListener("blur", hideTip);
  canvas.addEventListener("click", (event) => { show(...found(event), event); select(images[order[cursor.row]]); });
  canvas.addEventListener("keydown", (event) => {
    const way = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
    if (event.key === "Enter") select(images[order[cursor.row]]);
    else if (way) {
      event.preventDefault();
      const box = canvas.getBoundingClientRect();
      const [row, column] = [inside(cursor.row + way[0]), inside(cursor.column + way[1])];
      show(row, column, { clientX: box.left + (column / n) * box.width, clientY: box.top + (row / n) * box.height });
    }
  });
  byId("rdm-order").addEventListener("change", draw);
  draw();
}
