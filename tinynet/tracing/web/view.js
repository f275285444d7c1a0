// The strip of stations and the maps of the current one.

const THUMBNAIL = 44; // CSS pixels
const GAP = 6;
const LABEL = 12; // CSS pixels below a map for its number

/** Draw the mean size over the channels of each station's values, or gradients. */
function drawStrip(view, goTo) {
  const strip = document.getElementById("strip");
  const items = CONTENT.stations.map((station, index) => {
    const canvas = el("canvas", { "aria-hidden": "true" });
    const array = arrayOf(view.direction === "forward" ? station.value : station.gradient);
    const { rows, columns, numbers } = thumbnail(array);
    let [width, height] = scaledSize(rows, columns, THUMBNAIL);
    height = Math.max(8, height); // a few scores in a row
    const pen = sizedCanvas(canvas, width, height);
    const colour = coloursTo(strongest(numbers));
    if (index === 0 && view.direction === "forward" && array.shape.length === 4) drawPicture(pen, width, height);
    else drawCells(pen, rows, columns, (i) => colour(numbers[i]), 0, 0, width, height);
    const button = el("button", { type: "button", "data-station": index }, canvas, el("span", {}, station.name));
    button.addEventListener("click", () => goTo(index));
    return el("li", {}, button);
  });
  const focused = strip.contains(document.activeElement) ? document.activeElement.dataset.station : null;
  strip.replaceChildren(...items);
  if (focused !== null) strip.querySelector(`[data-station="${focused}"]`).focus({ preventScroll: true });
}

/** The mean size over the channels, as a map; a row of numbers broken into lines. */
function thumbnail(array) {
  if (array.shape.length === 4) {
    const [, rows, columns, channels] = array.shape;
    const numbers = new Float32Array(rows * columns);
    for (let i = 0; i < numbers.length; i++) {
      let total = 0;
      for (let c = 0; c < channels; c++) total += Math.abs(array.numbers[i * channels + c]);
      numbers[i] = total / channels;
    }
    return { rows, columns, numbers };
  }
  const map = lineMap(array.numbers.length);
  return { rows: map.rows, columns: map.columns, numbers: numbersOf(map, array) };
}

function markStation(view) {
  const strip = document.getElementById("strip");
  for (const button of strip.querySelectorAll("button")) {
    if (Number(button.dataset.station) === view.station) {
      button.setAttribute("aria-current", "step");
      const left = button.offsetLeft - (strip.clientWidth - button.offsetWidth) / 2;
      strip.scrollTo({ left, behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    } else {
      button.removeAttribute("aria-current");
    }
  }
}

/** The size at which a view's colours are full: that of the whole array, or of the one filter shown. */
function fullColour(view, maps, array) {
  return strongest(filterCount(view) ? maps.flatMap((map) => Array.from(numbersOf(map, array))) : array.numbers);
}

/** Where each map of a view lies on a canvas of this width. */
function layOut(maps, width) {
  const one = maps[0];
  const shared = Math.floor((width - 2 - GAP * (maps.length - 1)) / maps.length); // so that a few stand side by side
  const side = maps.length === 1 ? 300 : maps.length <= 4 ? Math.max(68, Math.min(172, shared)) : 68;
  let [mapWidth, mapHeight] = mapSize(one.rows, one.columns, Math.min(side, width - 2));
  if (one.rows === 1 && maps.length === 1) [mapWidth, mapHeight] = [Math.max(1, Math.min(width - 2, 50 * one.columns)), 40]; // scores in a row
  const below = maps.length > 1 ? LABEL : 0;
  const across = Math.max(1, Math.floor((width + GAP - 2) / (mapWidth + GAP)));
  const lines = Math.ceil(maps.length / across);
  return {
    maps, mapWidth, mapHeight,
    width: Math.min(maps.length, across) * (mapWidth + GAP) - GAP + 2, height: lines * (mapHeight + below + GAP) - GAP + 2,
    corner: (m) => [1 + (m % across) * (mapWidth + GAP), 1 + Math.floor(m / across) * (mapHeight + below + GAP)],
  };
}

/** The index of the number that is drawn at a point of the canvas; null between the maps. */
function indexUnder(view, layout, x, y) {
  for (let m = 0; m < layout.maps.length; m++) {
    const [left, top] = layout.corner(m);
    const map = layout.maps[m];
    const column = Math.floor(((x - left) / layout.mapWidth) * map.columns);
    const row = Math.floor(((y - top) / layout.mapHeight) * map.rows);
    if (row >= 0 && column >= 0 && row < map.rows && column < map.columns) return indexAt(view, map, row, column);
  }
  return null;
}

/** Draw all maps of a view on a canvas that is not on the page, to be copied from. */
function drawnMaps(layout, array) {
  const { full } = layout;
  const canvas = document.createElement("canvas");
  const pen = sizedCanvas(canvas, layout.width, layout.height);
  pen.fillStyle = getComputedStyle(document.body).color;
  pen.font = "10px system-ui, sans-serif";
  layout.maps.forEach((map, m) => {
    const [x, y] = layout.corner(m);
    drawMap(pen, map, array, full, x, y, layout.mapWidth, layout.mapHeight);
    drawNumbers(pen, map, array, full, x, y, layout);
    if (layout.maps.length > 1) pen.fillText(map.label.replace("channel ", "").replace("filter ", ""), x, y + layout.mapHeight + 10);
  });
  return canvas;
}

/** Write the numbers into cells that are large enough. */
function drawNumbers(pen, map, array, full, x, y, { mapWidth, mapHeight }) {
  const [width, height] = [mapWidth / map.columns, mapHeight / map.rows];
  if (width < 28 || height < 16) return;
  const [ink, power, colour] = [pen.fillStyle, commonPower(full), coloursTo(full)];
  pen.textAlign = "center";
  numbersOf(map, array).forEach((value, i) => {
    const [left, top] = [x + (i % map.columns) * width, y + Math.floor(i / map.columns) * height];
    pen.fillStyle = inkOn(colour(value));
    if (!Number.isNaN(value)) pen.fillText(short(value / 10 ** power), left + width / 2, top + height / 2 + 4);
  });
  [pen.fillStyle, pen.textAlign] = [ink, "left"];
}

/** Copy the maps to the page's canvas and mark the unit, if there is one. */
function showMaps(canvas, drawn, layout, position) {
  const pen = sizedCanvas(canvas, layout.width, layout.height);
  pen.drawImage(drawn, 0, 0, layout.width, layout.height);
  if (!position) return;
  const [x, y] = layout.corner(position.map);
  const map = layout.maps[position.map];
  const [cellWidth, cellHeight] = [layout.mapWidth / map.columns, layout.mapHeight / map.rows];
  if (layout.maps.length > 1) drawFrame(pen, x, y, layout.mapWidth, layout.mapHeight);
  drawFrame(pen, x + position.column * cellWidth, y + position.row * cellHeight, cellWidth, cellHeight);
}

/** What the colours mean, in numbers. */
function legend({ maps, mapWidth, full }) {
  const what = maps.length > 1 ? `${maps.length} maps of ${maps[0].rows} × ${maps[0].columns}. ` : "";
  const bar = el("canvas", { role: "img", "aria-label": "blue below zero, orange above" });
  const colour = coloursTo(1);
  drawCells(sizedCanvas(bar, 90, 12), 1, 45, (i) => colour((i - 22) / 22), 0, 0, 90, 12);
  const written = mapWidth / maps[0].columns >= 28 && commonPower(full) ? [" The numbers are in units of ", powerText(commonPower(full)), "."] : [];
  return [what, el("span", { class: "scale" }, `−${brief(full)} `, bar, ` ${brief(full)}`), ...written];
}
