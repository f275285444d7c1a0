// The state of the page, and what keys, buttons and pointer do to it.

const view = { direction: "forward", station: 1, which: "x", filter: 0 };
let unit = null; // the index of the chosen number in the array that the view shows
let held = false; // whether it stays when the pointer moves on
let layout = null;
let drawn = null;
let laidOutFor = "";

const byId = (id) => document.getElementById(id);

/** Forward through all stations, then backward: where in this walk we are. */
function walkPosition() {
  return view.direction === "forward" ? view.station : 2 * lastStation() + 1 - view.station;
}

function walkTo(position) {
  const last = 2 * lastStation() + 1;
  const there = Math.max(0, Math.min(last, position));
  goTo(there <= lastStation() ? "forward" : "backward", there <= lastStation() ? there : last - there);
}

/** Go to a station. The unit stays chosen where the array has the same shape, so that one unit can be followed. */
function goTo(direction, station, which = "x") {
  const before = shownShape(view).join();
  const turned = direction !== view.direction;
  Object.assign(view, { direction, station, which, filter: 0 });
  const same = shownShape(view).join() === before;
  if (!same || !held) [unit, held] = [null, false];
  else if (filterCount(view)) view.filter = unit.at(-1); // so that the number stays in sight
  if (!same) byId("maps-frame").scrollTop = 0;
  if (!shownShape(view).length) [unit, held] = [[], true]; // there is one number only
  if (turned) drawStrip(view, (index) => goTo(view.direction, index));
  showStation();
}

function showStation() {
  const last = 2 * lastStation() + 1;
  markStation(view);
  byId("position").textContent = `step ${walkPosition() + 1} of ${last + 1}, ${view.direction} pass`;
  byId("back").setAttribute("aria-disabled", walkPosition() === 0);
  byId("next").setAttribute("aria-disabled", walkPosition() === last);
  byId("forward").setAttribute("aria-pressed", view.direction === "forward");
  byId("backward").setAttribute("aria-pressed", view.direction === "backward");
  const here = CONTENT.stations[view.station];
  const [heading, does] = describe(view);
  byId("station").textContent = heading;
  byId("does").textContent = does;
  const through = view.direction === "forward" || view.which !== "x" ? here : CONTENT.stations[view.station + 1];
  byId("settings").textContent = through?.words ?? "";
  showChoices(here);
  showArray();
}

/** In the backward pass: the gradient at the station, or that of its layer's parameters. */
function showChoices(here) {
  const names = view.direction === "backward" ? ["x", ...Object.keys(here.params ?? {})] : [];
  const buttons = names.map((name) => {
    const text = name === "x" ? "of the output" : `of the ${kindOfParameter(name) || "parameter"} ${name}`;
    const button = el("button", { type: "button", "aria-pressed": String(view.which === name), "data-which": name }, text);
    button.addEventListener("click", () => goTo(view.direction, view.station, name));
    return button;
  });
  const focused = byId("choices").contains(document.activeElement);
  byId("choices").replaceChildren(...(names.length > 1 ? ["Gradient ", ...buttons] : []));
  if (focused) (buttons.length > 1 ? buttons[names.indexOf(view.which)] : byId("next")).focus({ preventScroll: true });
  const count = filterCount(view);
  byId("filter").max = Math.max(0, count - 1);
  byId("filter").value = view.filter;
  byId("filter-line").hidden = count === 0;
}

function showArray() {
  const array = shownArray(view);
  byId("maps").hidden = !array;
  laidOutFor = windowSize();
  layout = layOut(mapsOf(view), byId("maps-frame").clientWidth - 8);
  if (array) layout.full = fullColour(view, layout.maps, array);
  byId("legend").replaceChildren(...(array ? legend(layout) : ["This array was left out, so that the file stays small."]));
  byId("scores").replaceChildren(scoresTable(view) ?? "");
  drawn = array && drawnMaps(layout, array);
  byId("maps").setAttribute("aria-label", `${describe(view)[0]}: maps. Arrow keys move from number to number, Page Up and Page Down `
    + "from map to map, Escape lets go.");
  showUnit();
}

/** What the maps' layout depends on. A phone's window changes its height whenever the address bar comes or goes. */
function windowSize() {
  return `${window.innerWidth} ${window.devicePixelRatio}`;
}

function choose(at, hold) {
  [unit, held] = [at, hold];
  showUnit();
}

/** Scroll the maps, where they are too many for their frame, until a map is seen. */
function scrollToMap(m) {
  const [frame, [, top]] = [byId("maps-frame"), layout.corner(m)];
  const bottom = top + layout.mapHeight + LABEL + 2 * GAP;
  if (top < frame.scrollTop) frame.scrollTop = top;
  else if (bottom > frame.scrollTop + frame.clientHeight) frame.scrollTop = bottom - frame.clientHeight;
}

function showUnit() {
  const there = unit !== null;
  if (drawn) showMaps(byId("maps"), drawn, layout, there ? positionOf(view, unit) : null);
  byId("empty").hidden = there || !drawn;
  byId("unit").hidden = !there;
  const focused = document.activeElement === byId("release");
  byId("release").hidden = !held || !shownShape(view).length;
  if (focused && byId("release").hidden) byId("maps").focus({ preventScroll: true });
  if (!there) {
    byId("live").textContent = "";
    return;
  }
  const explained = explainUnit(view, unit);
  const value = explained.value === null ? explained.total : explained.value;
  const where = view.which === "x" ? `${CONTENT.stations[view.station].name}, ` : `${CONTENT.stations[view.station].name}.`;
  byId("live").textContent = `${view.direction === "backward" ? "gradient of " : ""}${where}${indexInWords(view, unit)}: ${brief(value)}`;
  byId("where").replaceChildren(...whereFigures(view, unit, explained), ...chosenFigure());
  byId("meaning").textContent = meaning(value);
  byId("explanation").replaceChildren(explanationView(explained));
  const python = pythonLine(view, unit);
  byId("python").hidden = !python;
  byId("python-line").textContent = python;
}

/** What a gradient means. */
function meaning(gradient) {
  if (view.direction === "forward" || !shownShape(view).length || Number.isNaN(gradient)) return "";
  const { value, params } = CONTENT.stations[view.station];
  const number = view.which === "x" ? value : params[view.which];
  const there = number === null ? "" : ` (${brief(valueAt(arrayOf(number), unit))})`;
  const moves = gradient === 0 ? "would not change the loss" : `would ${gradient > 0 ? "raise" : "lower"} the loss by ${brief(Math.abs(gradient))} `
    + "times as much";
  return `Raising the number itself${there} by a little ${moves}.`;
}

/** The map that the unit stands in, large enough to point at its numbers. */
function chosenFigure() {
  const array = shownArray(view);
  const { map: m, row, column } = positionOf(view, unit);
  const map = mapsOf(view)[m];
  if (!array || map.rows === 1) return []; // a few numbers are large enough where the maps are
  const [width, height] = scaledSize(map.rows, map.columns, figureSide());
  const made = figure(map.label ? `the number, in ${map.label}` : "the number", width, height, (pen) => {
    drawMap(pen, map, array, layout.full, 0, 0, width, height);
    const [cellWidth, cellHeight] = [width / map.columns, height / map.rows];
    drawFrame(pen, column * cellWidth, row * cellHeight, cellWidth, cellHeight);
  });
  made.querySelector("canvas").addEventListener("click", (event) => {
    const [x, y] = [(event.offsetX - MARGIN) / width, (event.offsetY - MARGIN) / height];
    const within = x >= 0 && x < 1 && y >= 0 && y < 1;
    const at = within && indexAt(view, map, Math.floor(y * map.rows), Math.floor(x * map.columns));
    if (at) choose(at, true);
  });
  return [made];
}

/** Move the unit by rows, columns and maps; from nowhere, to the first number. */
function moveUnit(rows, columns, maps) {
  const all = layout.maps;
  const from = unit ? positionOf(view, unit) : { map: 0, row: -rows, column: -columns };
  const m = (from.map + (unit ? maps : 0) + all.length) % all.length;
  const row = Math.max(0, Math.min(all[m].rows - 1, from.row + rows));
  const column = Math.max(0, Math.min(all[m].columns - 1, from.column + columns));
  const at = indexAt(view, all[m], row, column);
  if (!at) return;
  choose(at, true);
  scrollToMap(m);
}

const MOVES = {
  ArrowUp: [-1, 0, 0], ArrowDown: [1, 0, 0], ArrowLeft: [0, -1, 0], ArrowRight: [0, 1, 0], PageUp: [0, 0, -1], PageDown: [0, 0, 1],
};

function onKey(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.target.tagName === "INPUT") return;
  if (event.target.closest(".scroll") && event.key !== "Escape") return; // there arrow keys scroll
  if (event.key === "Escape" && shownShape(view).length) choose(null, false);
  else if (event.target === byId("maps") && MOVES[event.key]) moveUnit(...MOVES[event.key]);
  else if (event.key === "ArrowRight") walkTo(walkPosition() + 1);
  else if (event.key === "ArrowLeft") walkTo(walkPosition() - 1);
  else return;
  event.preventDefault();
}

function onPointer(event) {
  const hold = event.type === "click";
  if (held && !hold) return;
  const at = indexUnder(view, layout, event.offsetX, event.offsetY);
  if (at && (hold || String(at) !== String(unit))) choose(at, hold);
}

function setTheme(dark) {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  redraw();
}

function redraw() {
  byId("theme").setAttribute("aria-pressed", isDark());
  drawStrip(view, (index) => goTo(view.direction, index));
  showStation();
}

/** One line about the picture, the label, and what the network makes of it. */
function about() {
  const loss = CONTENT.stations[lastStation()];
  const scores = arrayOf(loss.saved.probabilities).numbers;
  const best = scores.indexOf(Math.max(...scores)); // -1 where they are nan
  const guess = best < 0 ? "none, its scores are not numbers"
    : `${best === CONTENT.label ? "the same" : className(best)}, ${percent(scores[best])}`;
  return `${CONTENT.picture}; label: ${className(CONTENT.label)}, ${CONTENT.labelOrigin}; the network's guess: ${guess}; `
    + `loss ${brief(arrayOf(loss.value).numbers[0])}`;
}

/** Show the first picture when the arrays for it are there, and hear of keys and pointers when all are. */
async function start() {
  const { stations, pixels, arrays } = CONTENT;
  const first = [...stations.map((station) => station.value), stations[lastStation()].saved.probabilities];
  await unpack(pixels === null ? first : [...first, pixels]);
  byId("title").textContent = `${CONTENT.network}, forward and backward`;
  byId("about").textContent = about();
  byId("note").textContent = CONTENT.note;
  redraw();
  await new Promise((done) => setTimeout(done)); // so that the browser can show it
  await unpack(range(arrays.length));
  listen();
  beUsable();
}

function beUsable() {
  document.body.inert = false;
  document.body.removeAttribute("aria-busy");
}

/** Say why there is nothing to see. */
function giveUp(reason) {
  beUsable();
  byId("about").setAttribute("role", "alert");
  byId("about").textContent = reason;
}

function listen() {
  byId("back").addEventListener("click", () => walkTo(walkPosition() - 1));
  byId("next").addEventListener("click", () => walkTo(walkPosition() + 1));
  byId("forward").addEventListener("click", () => goTo("forward", view.station));
  byId("backward").addEventListener("click", () => goTo("backward", view.station));
  byId("theme").addEventListener("click", () => setTheme(!isDark()));
  byId("release").addEventListener("click", () => choose(null, false));
  byId("maps").addEventListener("pointermove", onPointer);
  byId("maps").addEventListener("click", onPointer);
  byId("maps").addEventListener("pointerleave", () => held || choose(null, false));
  byId("filter").addEventListener("change", (event) => {
    view.filter = Math.max(0, Math.min(filterCount(view) - 1, Math.trunc(event.target.value) || 0));
    [unit, held] = [null, false];
    showStation();
  });
  document.addEventListener("keydown", onKey);
  window.addEventListener("resize", () => windowSize() === laidOutFor || showArray());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}

if ("DecompressionStream" in window && CSS.supports("color", "light-dark(red, red)")) {
  start().catch((error) => {
    giveUp(`This page cannot be shown (${error.message}).`);
    throw error;
  });
} else {
  giveUp("This page needs a newer browser, of 2024 or later: one that has DecompressionStream and light-dark().");
}
