// The map: pointing at a dot shows its image, clicking selects it; arrow keys go from dot to dot.
if (DATA.map) {
  const { images, x, y, axes } = DATA.map;
  const [W, PAD, NEAR] = [640, 34, 14];
  const radius = images.length > 2000 ? 2.5 : images.length > 400 ? 3.5 : 4.5;
  const [[left, right], [low, high]] = [range(x), range(y)];
  // one unit is as long upwards as it is across; a flat map takes less room
  const H = Math.min(Math.max(((W - 2 * PAD) * (high - low)) / (right - left || 1) + 2 * PAD, 280), 640);
  const unit = Math.min((W - 2 * PAD) / (right - left || 1), (H - 2 * PAD) / (high - low || 1));
  const base = x.map((_, k) => [W / 2 + (x[k] - (left + right) / 2) * unit, H / 2 - (y[k] - (low + high) / 2) * unit]);
  const view = { scale: 1, x: W / 2, y: H / 2 };
  const place = (k) => [W / 2 + (base[k][0] - view.x) * view.scale, H / 2 + (base[k][1] - view.y) * view.scale];
  const svg = make("svg:svg", {
    viewBox: `0 0 ${W} ${H}`, tabindex: 0, role: "application",
    "aria-label": `Map of ${images.length} images. Arrow keys go to the nearest image, Enter selects it, plus and minus zoom.`,
  });
  const dots = images.map((i, k) => make("svg:circle", { class: "point", r: radius, "data-image": i }));
  const [ring, look] = ["ring", "ring look"].map((name) => make("svg:circle", { class: name, r: radius + 4, visibility: "hidden" }));
  const labels = [
    make("svg:text", { x: W / 2, y: H - 8, "text-anchor": "middle" }, axes[0]),
    make("svg:text", { x: 20, y: H / 2, "text-anchor": "middle", transform: `rotate(-90 20 ${H / 2})` }, axes[1]),
  ];
  svg.append(...dots, ring, look, ...labels);
  byId("points").append(svg);
  const at = new Map(images.map((i, k) => [i, k]));
  let looked = null;

  function move(node, k) {
    if (k === undefined || k === null) return node.setAttribute("visibility", "hidden");
    const [cx, cy] = place(k);
    node.setAttribute("cx", cx);
    node.setAttribute("cy", cy);
    return node.setAttribute("visibility", "visible");
  }

  function lay() {
    dots.forEach((dot, k) => {
      const [cx, cy] = place(k);
      dot.setAttribute("cx", cx.toFixed(2));
      dot.setAttribute("cy", cy.toFixed(2));
    });
    move(ring, at.get(state.selected));
    move(look, looked);
    svg.classList.toggle("near", view.scale > 1);
  }

  function zoom(by) {
    view.scale = Math.min(Math.max(view.scale * by, 1), 40);
    if (view.scale === 1) Object.assign(view, { x: W / 2, y: H / 2 });
    lay();
  }

  function here(event) {
    const box = svg.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * W, ((event.clientY - box.top) / box.height) * H];
  }

  function nearest([px, py], within = NEAR) {
    let [found, best] = [null, within ** 2];
    for (let k = 0; k < images.length; k++) {
      if (!isShown[images[k]]) continue;
      const [cx, cy] = place(k);
      const distance = (cx - px) ** 2 + (cy - py) ** 2;
      if (distance <= best) [found, best] = [k, distance];
    }
    return found;
  }

  function lookAt(k, announced = false) {
    looked = k;
    move(look, k);
    if (k === null) return hideTip();
    const box = svg.getBoundingClientRect();
    const [cx, cy] = place(k);
    showTip(images[k], box.left + (cx / W) * box.width, box.top + (cy / H) * box.height, colourOf(images[k]));
    if (announced) say(`${DATA.names[images[k]]}, ${told(images[k])}`);
    return undefined;
  }

  // The nearest dot in a direction, those straight ahead first.
  function towards([dx, dy]) {
    const from = looked ?? at.get(state.selected) ?? nearest([W / 2, H / 2], Infinity);
    if (from === null) return null;
    const [fx, fy] = place(from);
    let [found, best] = [from, Infinity];
    for (let k = 0; k < images.length; k++) {
      if (k === from || !isShown[images[k]]) continue;
      const [cx, cy] = place(k);
      const ahead = (cx - fx) * dx + (cy - fy) * dy;
      const aside = Math.abs((cx - fx) * dy) + Math.abs((cy - fy) * dx);
      if (ahead > 0 && aside <= 2 * ahead && ahead + 2 * aside < best) [found, best] = [k, ahead + 2 * aside];
    }
    return found;
  }

  let drag = null;
  svg.addEventListener("pointerdown", (event) => { drag = { from: here(event), x: view.x, y: view.y, moved: false }; });
  svg.addEventListener("pointermove", (event) => {
    const now = here(event);
    if (drag && view.scale > 1 && Math.hypot(now[0] - drag.from[0], now[1] - drag.from[1]) > 4) {
      drag.moved = true;
      Object.assign(view, { x: drag.x - (now[0] - drag.from[0]) / view.scale, y: drag.y - (now[1] - drag.from[1]) / view.scale });
      hideTip();
      lay();
    } else if (!drag || event.pointerType === "mouse") {
      lookAt(nearest(now));
    }
  });
  svg.addEventListener("pointerup", (event) => {
    const found = drag && !drag.moved ? nearest(here(event)) : null;
    drag = null;
    if (found !== null) { lookAt(found); select(images[found]); }
  });
  svg.addEventListener("pointerleave", () => { drag = null; lookAt(null); });
  svg.addEventListener("blur", () => lookAt(null));
  svg.addEventListener("keydown", (event) => {
    const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
    if (way) {
      const k = towards(way);
      if (view.scale > 1 && k !== null) { Object.assign(view, { x: base[k][0], y: base[k][1] }); lay(); }
      lookAt(k, true);
    } else if (event.key === "Enter" && looked !== null) {
      select(images[looked]);
    } else if (event.key === "+" || event.key === "-") {
      if (looked !== null) Object.assign(view, { x: base[looked][0], y: base[looked][1] });
      zoom(event.key === "+" ? 1.5 : 1 / 1.5);
      lookAt(looked);
    } else {
      return;
    }
    event.preventDefault();
  });
  const centre = () => {
    const k = at.get(state.selected);
    if (k !== undefined) Object.assign(view, { x: base[k][0], y: base[k][1] });
  };
  byId("closer").addEventListener("click", () => { if (view.scale === 1) centre(); zoom(1.5); });
  byId("farther").addEventListener("click", () => zoom(1 / 1.5));
  byId("whole").addEventListener("click", () => zoom(0));

  const choices = DATA.columns.filter((one) => one.kind !== "text");
  byId("colour").append(...choices.map((one) => make("option", { value: one.name }, one.label)));
  byId("colour").value = DATA.score;
  let column = SCORE;
  const colourOf = (i) => (column === SCORE ? told(i) : `${told(i)} · ${column.label} ${cell(column, i)}`);

  function paint() {
    column = COLUMNS.get(byId("colour").value);
    const [from, to] = column.kind === "number" ? range(images.map((i) => column.values[i])) : [0, 0];
    const groups = column.kind === "group" ? [...new Set(column.values.filter((one) => one !== null))].sort(collator.compare) : [];
    const colours = new Map(groups.map((one, k) => [one, DATA.colours.groups[k % DATA.colours.groups.length]]));
    const fill = (value) => (column.kind === "number"
      ? `rgb(${mixed(DATA.colours.score, (value - from) / (to - from || 1)).join(" ")})` : colours.get(value));
    dots.forEach((dot, k) => {
      const value = column.values[images[k]];
      dot.style.fill = value === null ? "#b0b0b0" : fill(value);
    });
    const legend = byId("legend");
    if (column.kind === "number") {
      const ends = [`${column.label}: ${number(from, column.digits)}`, number(to, column.digits)];
      legend.replaceChildren(...scale(DATA.colours.score, ...ends));
    } else {
      legend.replaceChildren(...groups.flatMap((one) => {
        const swatch = make("span", { class: "swatch" });
        swatch.style.background = colours.get(one);
        return [swatch, one];
      }));
    }
  }
  byId("colour").addEventListener("change", paint);
  listeners.shown.push(() => dots.forEach((dot, k) => dot.classList.toggle("out", !isShown[images[k]])));
  listeners.selected.push(() => move(ring, at.get(state.selected)));
  paint();
  lay();
}
