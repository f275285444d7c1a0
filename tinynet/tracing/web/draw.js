// Drawing numbers: blue below zero, orange above, and at zero the colour of the paper.

const PALETTES = {
  light: { below: [26, 82, 150], zero: [247, 247, 247], above: [196, 84, 0], none: [214, 214, 214] },
  dark: { below: [104, 174, 255], zero: [38, 42, 48], above: [255, 158, 61], none: [72, 76, 82] },
};

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Return a function from a number to its colour [red, green, blue]; `full` is the size at which a colour is full. */
function coloursTo(full) {
  const { below, zero, above, none } = PALETTES[isDark() ? "dark" : "light"];
  return (value) => {
    if (Number.isNaN(value)) return none;
    const strength = Math.min(1, Math.abs(value) / full) ** 0.8; // small numbers a little stronger
    const end = value < 0 ? below : above;
    const mixed = (i) => Math.round(zero[i] + strength * (end[i] - zero[i]));
    return [mixed(0), mixed(1), mixed(2)];
  };
}

/** Black or white, whichever has the larger contrast with a colour, by its luminance (WCAG 2). */
function inkOn(colour) {
  const [red, green, blue] = colour.map((c) => (c <= 10 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000" : "#fff"; // there both have a contrast of 4.6
}

const MOST_DOTS = 16e6; // on a canvas: iOS draws nothing on a larger one
const LONGEST = 32000; // dots along a side: Firefox draws nothing beyond 32,767

/** Give a canvas a size in CSS pixels and as many dots as the screen has, or the browser can draw; return what to draw with. */
function sizedCanvas(canvas, width, height) {
  const most = Math.min(Math.sqrt(MOST_DOTS / (width * height)), LONGEST / Math.max(width, height));
  const dots = Math.min(window.devicePixelRatio || 1, most);
  canvas.width = Math.round(width * dots);
  canvas.height = Math.round(height * dots);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const pen = canvas.getContext("2d");
  pen.setTransform(dots, 0, 0, dots, 0, 0);
  pen.imageSmoothingEnabled = false;
  return pen;
}

/** Draw rows of colours, colour(index) as [red, green, blue], into a rectangle. */
function drawCells(pen, rows, columns, colour, x, y, width, height) {
  const small = document.createElement("canvas");
  [small.width, small.height] = [columns, rows];
  const image = new ImageData(columns, rows);
  for (let i = 0; i < rows * columns; i++) {
    const [red, green, blue] = colour(i);
    image.data[4 * i] = red;
    image.data[4 * i + 1] = green;
    image.data[4 * i + 2] = blue;
    image.data[4 * i + 3] = 255;
  }
  small.getContext("2d").putImageData(image, 0, 0);
  pen.drawImage(small, x, y, width, height);
}

function drawMap(pen, map, array, full, x, y, width, height) {
  const [numbers, colour] = [numbersOf(map, array), coloursTo(full)];
  drawCells(pen, map.rows, map.columns, (i) => colour(numbers[i]), x, y, width, height);
  drawEdge(pen, x, y, width, height);
}

/** Draw the picture itself: its pixels, or the network's input from its least number (black) to its largest. */
function drawPicture(pen, width, height) {
  const values = arrayOf(CONTENT.stations[0].value);
  const pixels = CONTENT.pixels === null ? null : arrayOf(CONTENT.pixels);
  const [, rows, columns, channels] = values.shape;
  const numbers = pixels ? pixels.numbers : values.numbers;
  const least = pixels ? 0 : numbers.reduce((a, b) => Math.min(a, b));
  const most = pixels ? 255 : numbers.reduce((a, b) => Math.max(a, b));
  const scale = 255 / (most - least || 1);
  const order = pixels ? PIXEL_COLOURS : CONTENT.colours;
  const [red, green, blue] = PIXEL_COLOURS.map((colour) => (channels === 3 ? order.indexOf(colour) : 0));
  const brightness = (i, c) => Math.round(scale * (numbers[i * channels + c] - least));
  drawCells(pen, rows, columns, (i) => [red, green, blue].map((c) => brightness(i, c)), 0, 0, width, height);
}

/** Draw the edge of a map: without it, nobody sees where a map begins whose numbers are 0 there. */
function drawEdge(pen, x, y, width, height) {
  pen.strokeStyle = `rgb(${PALETTES[isDark() ? "dark" : "light"].none})`;
  pen.lineWidth = 1;
  pen.strokeRect(x - 0.5, y - 0.5, width + 1, height + 1);
}

/** Draw a frame that is seen on any colour: black, with white around it and inside it. */
function drawFrame(pen, x, y, width, height) {
  for (const [colour, out] of [["#fff", 1.5], ["#000", 0.5], ["#fff", -0.5]]) {
    pen.strokeStyle = colour;
    pen.lineWidth = 1;
    pen.strokeRect(x - out, y - out, width + 2 * out, height + 2 * out);
  }
}

/** The size of a map whose longer side has `side` CSS pixels. */
function scaledSize(rows, columns, side) {
  const scale = side / Math.max(rows, columns);
  return [columns * scale, rows * scale];
}

/** The same with the same number of pixels for each number, where there are enough: the longer side may be shorter. */
function mapSize(rows, columns, side) {
  const longer = Math.max(rows, columns);
  const scale = longer <= side ? Math.floor(side / longer) : side / longer;
  return [Math.max(1, columns * scale), Math.max(1, rows * scale)];
}

/** Make an element: el("p", {class: "note"}, "text", child, ...). */
function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const MARGIN = 2; // CSS pixels around a picture, for a frame at its edge

/** A picture with a caption: `draw` is given the pen. */
function figure(caption, width, height, draw) {
  const canvas = el("canvas", { role: "img", "aria-label": caption });
  const pen = sizedCanvas(canvas, width + 2 * MARGIN, height + 2 * MARGIN);
  pen.translate(MARGIN, MARGIN);
  draw(pen);
  return el("figure", {}, canvas, el("figcaption", {}, caption));
}
