// The distribution of the score: bars that show their images.
{
  const { counts, edges } = DATA.bars;
  const [W, H, LEFT, BOTTOM, TOP] = [640, 236, 48, 52, 28];
  const [low, high] = [edges[0], edges[edges.length - 1]];
  const most = Math.max(...counts);
  const x = (value) => LEFT + ((value - low) / (high - low || 1)) * (W - LEFT - 12);
  const y = (count) => H - BOTTOM - (count / most) * (H - BOTTOM - TOP);
  const svg = make("svg:svg", { viewBox: `0 0 ${W} ${H}`, role: "group", "aria-label": `Distribution of ${SCORE.label}` });
  const bars = counts.map((count, k) => {
    const [from, to] = [number(edges[k], SCORE.digits), number(edges[k + 1], SCORE.digits)];
    const bar = make("svg:rect", {
      class: "bar", x: x(edges[k]), width: Math.max(x(edges[k + 1]) - x(edges[k]), 1), y: y(count), height: H - BOTTOM - y(count),
      tabindex: 0, role: "button", "aria-pressed": "false", "aria-label": `${from} to ${to}: ${count} images`,
    }, make("svg:title", {}, `${from} to ${to}: ${count}`));
    const press = () => {
      const chosen = state.low === edges[k] && state.high === edges[k + 1];
      change(chosen ? { low: null, high: null } : { low: edges[k], high: edges[k + 1], open: k < counts.length - 1 });
    };
    bar.addEventListener("click", press);
    bar.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); press(); }
    });
    return bar;
  });
  svg.append(...bars, make("svg:path", { class: "axis", d: `M${LEFT} ${H - BOTTOM}H${W - 12}` }));
  const across = ticks(low, high);
  for (const value of across.values) {
    svg.append(make("svg:text", { x: x(value), y: H - BOTTOM + 20, "text-anchor": "middle" }, number(value, across.digits)));
  }
  for (const value of ticks(0, most).values.filter((one) => Number.isInteger(one))) {
    svg.append(make("svg:text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, String(value)));
  }
  svg.append(make("svg:text", { x: (LEFT + W) / 2, y: H - 6, "text-anchor": "middle" }, SCORE.label));
  svg.append(make("svg:text", { x: 4, y: 23 }, "Images"));
  const marked = DATA.floor !== null && DATA.floor >= low && DATA.floor <= high;
  if (marked) {
    svg.append(make("svg:path", { class: "floor", d: `M${x(DATA.floor)} ${TOP - 6}V${H - BOTTOM}` }));
  }
  byId("histogram").append(svg);
  const n = counts.reduce((sum, one) => sum + one, 0);
  const floor = !marked ? "" : ` Dashed: the predictor's floor, ${DATA.floor.toFixed(2)}.`;
  byId("histogram-note").textContent = `n = ${n} images.${floor} Choose a bar to see its images.`;
  listeners.shown.push(() => bars.forEach((bar, k) => {
    const inside = (state.low !== null || state.high !== null) &&
      (state.low === null || edges[k] >= state.low) && (state.high === null || edges[k + 1] <= state.high);
    bar.classList.toggle("chosen", inside);
    bar.setAttribute("aria-pressed", inside);
  }));
}
