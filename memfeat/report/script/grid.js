// The grid of images with its controls, and the image that is selected.
{
  const grid = byId("grid");
  const option = (value, text) => make("option", { value }, text);
  const counted = (passes) => DATA.names.reduce((sum, _, i) => sum + (passes(i) ? 1 : 0), 0);

  byId("sort").append(...DATA.columns.map((one) => option(one.name, one.label)), option("", "name"));
  byId("sort").value = state.sort;
  const names = { all: "all images", none: "without remarks" };
  for (const [key, passes] of Object.entries(FLAGS)) {
    byId("flag").append(option(key, `${names[key] ?? key.slice(5)} (${counted(passes)})`));
  }
  byId("flag-label").hidden = Object.keys(FLAGS).length === 2;
  if (GROUP !== null) {
    byId("group-label").hidden = false;
    byId("group-name").textContent = GROUP.label;
    const found = [...new Set(GROUP.values.filter((one) => one !== null))].sort(collator.compare);
    byId("group").append(option("", "all"), ...found.map((one) => option(one, one)));
  }

  function tile(i) {
    const button = make("button", {
      class: "tile", type: "button", "data-image": i, "aria-pressed": state.selected === i ? "true" : "false", title: DATA.names[i],
    },
    make("span", { class: "frame" }, image(i) ?? (DATA.flags[i].includes("unreadable") ? "unreadable" : "no picture")),
    make("span", { class: "name" }, DATA.names[i]),
    make("span", { class: "value" }, value(i)),
    DATA.notes[i] ? make("span", { class: "flags" }, DATA.notes[i]) : null);
    return make("li", {}, button);
  }

  // What it is sorted by stands beside the score.
  function value(i) {
    const column = COLUMNS.get(state.sort);
    const more = column === undefined || column === SCORE ? "" : ` · ${column.label} ${cell(column, i)}`;
    return cell(SCORE, i) + more;
  }

  function draw() {
    const pages = Math.max(1, Math.ceil(shown.length / PER_PAGE));
    state.page = Math.min(Math.max(state.page, 0), pages - 1);
    const some = shown.slice(state.page * PER_PAGE, (state.page + 1) * PER_PAGE);
    grid.replaceChildren(...some.map(tile));
    const where = `Page ${state.page + 1} of ${pages}`;
    const many = shown.length === N ? `${N} images` : `${shown.length} of ${N} images`;
    byId("count").textContent = pages === 1 ? many : `${many}. ${where}`;
    byId("page").textContent = where;
    byId("previous").disabled = state.page === 0;
    byId("next").disabled = state.page === pages - 1;
    byId("download-shown").disabled = shown.length === 0;
    byId("low").value = state.low ?? "";
    byId("high").value = state.high ?? "";
    byId("order").textContent = state.falling ? "Highest first" : "Lowest first";
    byId("order").setAttribute("aria-pressed", String(!state.falling));
  }
  listeners.shown.push(draw);

  const turn = (by) => { state.page += by; draw(); byId("images").scrollIntoView(); };
  byId("previous").addEventListener("click", () => turn(-1));
  byId("next").addEventListener("click", () => turn(1));
  byId("search").addEventListener("input", (event) => change({ query: event.target.value }));
  byId("sort").addEventListener("change", (event) => {
    // words from A to Z, numbers from the highest
    const falling = COLUMNS.get(event.target.value)?.kind === "number";
    change({ sort: event.target.value, falling });
  });
  byId("order").addEventListener("click", () => change({ falling: !state.falling }));
  byId("flag").addEventListener("change", (event) => change({ flag: event.target.value }));
  byId("group").addEventListener("change", (event) => change({ group: event.target.value }));
  for (const [end, word] of [["low", "From"], ["high", "to"]]) {
    byId(end).setAttribute("aria-label", `${word}, ${SCORE.label}`);
    byId(end).addEventListener("change", (event) => change({ [end]: event.target.value === "" ? null : Number(event.target.value), open: false }));
  }
  byId("clear").addEventListener("click", () => {
    for (const [id, value] of Object.entries({ search: "", flag: "all", group: "" })) byId(id).value = value;
    change({ query: "", flag: "all", group: "", low: null, high: null, open: false });
  });
  byId("controls").addEventListener("submit", (event) => event.preventDefault());

  grid.addEventListener("click", (event) => {
    const button = event.target.closest(".tile");
    if (button) select(Number(button.dataset.image));
  });
  grid.addEventListener("keydown", (event) => {
    const tiles = [...grid.querySelectorAll(".tile")];
    const across = Math.max(1, getComputedStyle(grid).gridTemplateColumns.split(" ").length);
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across }[event.key];
    const next = step === undefined ? undefined : tiles[tiles.indexOf(document.activeElement) + step];
    if (next) { event.preventDefault(); next.focus(); }
  });

  const panel = byId("selected");
  listeners.selected.push(() => {
    const i = state.selected;
    for (const one of grid.querySelectorAll(".tile")) one.setAttribute("aria-pressed", String(Number(one.dataset.image) === i));
    panel.hidden = i === null;
    if (i === null) return panel.replaceChildren();
    const facts = DATA.columns.flatMap((column) => [make("div", {}, make("dt", {}, column.label), make("dd", {}, cell(column, i)))]);
    const close = make("button", { type: "button", id: "close" }, "Close");
    const find = make("button", { type: "button", id: "find" }, "Show in the grid");
    close.addEventListener("click", () => {
      select(null);
      (grid.querySelector(`[data-image="${i}"]`) ?? byId("sort")).focus();
    });
    find.addEventListener("click", () => reveal(i));
    panel.replaceChildren(make("div", { class: "row" },
      image(i, "Selected image"),
      make("div", {},
        make("div", { class: "name" }, DATA.names[i]),
        make("div", {}, told(i)),
        DATA.notes[i] ? make("div", { class: "small" }, DATA.notes[i]) : null,
        make("details", {}, make("summary", {}, "All that is known of it"), make("dl", {}, ...facts))),
      make("div", { class: "buttons" }, find, close)));
    say(`${DATA.names[i]} selected, ${told(i)}`);
    return undefined;
  });

  function reveal(i) {
    if (!isShown[i]) byId("clear").click();
    state.page = Math.floor(shown.indexOf(i) / PER_PAGE);
    draw();
    const found = grid.querySelector(`[data-image="${i}"]`);
    found.scrollIntoView({ block: "center" });
    found.focus();
  }

  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && state.selected !== null) select(null);
  });

  const [header, ...rows] = DATA.table;
  byId("download-all").addEventListener("click", () => download(header + rows.join(""), "images.csv"));
  byId("download-shown").addEventListener("click", () => download(header + shown.map((i) => rows[i]).join(""), "images_shown.csv"));
  for (const button of document.querySelectorAll("[data-table]")) {
    button.addEventListener("click", () => download(DATA.tables[button.dataset.table], `${button.dataset.table}.csv`));
  }

  // On paper there is nothing to click: what is folded is opened.
  addEventListener("beforeprint", () => {
    for (const one of document.querySelectorAll("details:not([open])")) { one.open = true; one.dataset.folded = ""; }
  });
  addEventListener("afterprint", () => {
    for (const one of document.querySelectorAll("details[data-folded]")) { one.open = false; delete one.dataset.folded; }
  });
}
