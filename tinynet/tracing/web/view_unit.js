// The explanation of one number as elements of the page.

const MOST_SLICES = 4; // channels shown each with their window, filter and products
const MOST_TERMS = 12; // terms shown one by one
const MOST_CELLS = 49; // of a table with numbers in it; what has more is drawn
const SIGN = 30; // CSS pixels for "×" or "=" between two pictures, with the space around it

/** The CSS pixels of a picture when three stand side by side, with `between` pixels between two of them. */
function sideOfThree(most, between) {
  return Math.max(60, Math.min(most, Math.floor((byId("where").clientWidth - 2 * between) / 3) - 2 * MARGIN));
}

/** The CSS pixels of the pictures beside the number. */
function figureSide() {
  return sideOfThree(160, 13);
}

/** Where an explanation's number stands, what it looks at, and which part of the picture that is. */
function whereFigures(view, at, explained) {
  const figures = [];
  const picture = shapeOf(CONTENT.stations[0].value);
  const { seen } = explained;
  const others = { input: { direction: "forward", station: view.station - 1, which: "x", filter: 0 },
    upstream: { direction: "backward", station: view.station + 1, which: "x", filter: 0 } };
  const isParameter = view.direction === "backward" && view.which !== "x";
  if (picture.length === 4 && !isParameter && !(view.direction === "forward" && seen?.map === "input" && view.station === 1)) {
    const box = seenOnPicture(view.station, at);
    const [width, height] = scaledSize(picture[1], picture[2], figureSide());
    const scale = width / picture[2];
    const caption = box === undefined ? "what it looks at on the picture is not known"
      : box ? "the part of the picture that it looks at" : "it looks at the whole picture";
    figures.push(figure(caption, width, height, (pen) => {
      drawPicture(pen, width, height);
      if (box) {
        drawFrame(pen, box.left * scale, box.top * scale, (box.right - box.left + 1) * scale, (box.bottom - box.top + 1) * scale);
      }
    }));
  }
  if (seen) figures.push(seenFigure(others[seen.map], seen));
  return figures;
}

/** The map that a number was made from, with the window on it. */
function seenFigure(other, seen) {
  const array = shownArray(other);
  const name = CONTENT.stations[other.station].name;
  const what = other.direction === "forward" ? `its input: ${name}` : `gradient at ${name}`;
  const at = seen.unit;
  const map = mapsOf(other)[at ? 0 : seen.channel];
  const [width, height] = scaledSize(map.rows, map.columns, figureSide());
  const scale = width / map.columns;
  const position = at ? positionOf(other, at) : null;
  const [top, left, rows, columns] = at ? [position.row, position.column, 1, 1] : [seen.top, seen.left, seen.height, seen.width];
  const isPicture = other.direction === "forward" && other.station === 0 && array.shape.length === 4;
  const caption = isPicture ? "its window on the picture" : `${what}${map.label ? `, ${map.label}` : ""}`;
  return figure(caption, width, height, (pen) => {
    if (isPicture) drawPicture(pen, width, height);
    else drawMap(pen, map, array, strongest(array.numbers), 0, 0, width, height);
    drawFrame(pen, left * scale, top * scale, columns * scale, rows * scale);
  });
}

/** The whole explanation: sentence, parts, sum, terms. */
function explanationView(explained, isInner = false) {
  const view = el("div", { class: isInner ? "explanation inner" : "explanation" });
  if (isInner) view.append(el("h3", {}, `Where ${explained.what} came from`));
  view.append(el("p", { class: "reason" }, explained.reason));
  if (explained.parts.length) view.append(sumView(explained));
  for (const one of explained.parts) {
    if (one.values.length > 1) view.append(partView(one));
  }
  if (explained.formula) view.append(el("p", { class: "formula" }, el("code", {}, explained.formula)));
  for (const inner of explained.inner) view.append(explanationView(inner, true));
  return view;
}

/** One line: the sum of the terms beside the number in the array. */
function equality({ terms, total, value, difference, agrees, eps }) {
  const equal = eps > 1e-5 ? "float16" : "equal";
  const verdict = textOf("sum", agrees ? equal : "different");
  return textOf("sum", terms === 1 ? "one" : "several", { count: terms, total, value, verdict, difference });
}

/** The sum by part, and whether it is the number in the array. */
function sumView(explained) {
  const { parts, total, value, agrees } = explained;
  const line = el("p", { class: "sum" });
  parts.forEach((one, i) => {
    if (i) line.append(el("span", { class: "sign" }, " + "));
    line.append(partInNumbers(one));
  });
  line.append(el("span", { class: "sign" }, " = "), el("strong", {}, brief(total)));
  if (value === null) return line;
  return el("div", {}, line, el("p", { class: agrees ? "verdict" : "verdict wrong" }, `${agrees ? "✓" : "✗"} ${equality(explained)}.`));
}

function partInNumbers(one) {
  if (one.values.length !== 1) return el("span", {}, `${one.name} (${one.values.length} terms) `, el("b", {}, brief(one.total)));
  const span = el("span", {});
  one.factors.forEach((each, i) => {
    span.append(i ? " × " : "", `${factorText(each, 0)} `, el("b", {}, brief(each.values[0])));
  });
  return span;
}

/** The terms of a part: in pictures by slice (channel or filter), and the largest of them one by one. */
function partView(one) {
  const view = el("div", { class: "part" }, el("h3", {}, partTitle(one)));
  const slices = slicesOf(one);
  const shown = slices.length <= MOST_SLICES ? slices
    : [...slices].sort((a, b) => Math.abs(b.total) - Math.abs(a.total)).slice(0, MOST_SLICES);
  for (const slice of shown) view.append(sliceView(one, slice));
  const others = slices.length - shown.length;
  if (others) {
    const rest = sum(slices.map((slice) => slice.total)) - sum(shown.map((slice) => slice.total));
    view.append(el("p", { class: "rest" }, `the other ${countOf(others, one.axes[2])} together: `, el("b", {}, brief(rest))));
  }
  view.append(largestTerms(one));
  return view;
}

function partTitle(one) {
  const layout = one.axes.length ? one.shape.map((count, i) => `${count} ${one.axes[i]}${count === 1 ? "" : "s"}`) : [];
  return `${one.name}: ${layout.join(" × ") || countOf(one.values.length, "term")}`;
}

/** Cut a part with three axes along the axis that is not a row or a column; return {name, rows, columns, terms, total}. */
function slicesOf(one) {
  const [rows, columns, count] = one.shape;
  if (one.shape.length === 3 && one.axes[0] !== "image") {
    return range(count).map((c) => sliceOf(one, `${one.axes[2]} ${c}`, rows, columns, range(rows * columns).map((i) => i * count + c)));
  }
  const all = range(one.values.length);
  if (one.shape.length === 3) return [sliceOf(one, "", columns, count, all)];
  if (one.shape.length === 2) return [sliceOf(one, "", rows, columns, all)];
  const line = lineMap(all.length);
  return [sliceOf(one, "", line.rows, line.columns, all)];
}

function sliceOf(one, name, rows, columns, terms) {
  return { name, rows, columns, terms, total: sum(terms.map((t) => one.values[t])) };
}

/** Which slice of a part adds most to its sum. */
function strongestSlice(one) {
  const sizes = slicesOf(one).map((slice) => Math.abs(slice.total));
  return Math.max(0, sizes.indexOf(Math.max(...sizes))); // -1 where one is nan
}

/** A slice in pictures: factor × factor = products, sum. */
function sliceView(one, slice) {
  const row = el("div", { class: "slice" });
  const notes = slice.terms.map((i) => noteOf(one, i));
  one.factors.forEach((each, i) => {
    if (i) row.append(el("span", { class: "sign" }, "×"));
    if (each.indices === null) row.append(el("span", { class: "number" }, `${each.name} ${brief(each.values[0])}`));
    else row.append(tile(each.name.replaceAll("[]", ""), slice, slice.terms.map((k) => each.values[k]), strongest(each.values), notes));
  });
  if (one.factors.length > 1) {
    const values = slice.terms.map((k) => one.values[k]);
    row.append(el("span", { class: "sign" }, "="), tile("products", slice, values, strongest(one.values), notes));
  }
  if (slice.name) return el("div", {}, el("h4", {}, `${slice.name}: sum `, el("b", {}, brief(slice.total))), row);
  row.append(el("span", { class: "number" }, "→ sum ", el("b", {}, brief(slice.total))));
  return row;
}

/** Numbers in coloured cells: a table with its numbers where they are few, else a picture. */
function tile(name, { rows, columns }, values, full, notes) {
  const [power, colours] = [commonPower(full), coloursTo(full)];
  if (rows * columns > MOST_CELLS) {
    const [width, height] = mapSize(rows, columns, sideOfThree(110, SIGN));
    return figure(name, width, height, (pen) => {
      drawCells(pen, rows, columns, (i) => colours(i < values.length ? values[i] : NaN), 0, 0, width, height);
      drawEdge(pen, 0, 0, width, height);
    });
  }
  const body = el("tbody");
  for (let row = 0; row < rows; row++) {
    const line = el("tr");
    for (let column = 0; column < columns; column++) {
      const i = row * columns + column;
      if (i >= values.length) continue;
      const colour = colours(values[i]);
      line.append(el("td", {
        style: `background: rgb(${colour}); color: ${inkOn(colour)}`, title: `${values[i]}${notes[i] ? `, ${notes[i]}` : ""}`,
        class: [textOf("note", "winner"), textOf("note", "won")].includes(notes[i]) ? "winner"
          : notes[i] === textOf("note", "outside") ? "outside" : null,
      }, short(values[i] / 10 ** power)));
    }
    body.append(line);
  }
  const size = columns > 5 ? "tile small" : columns > 3 ? "tile" : "tile large";
  return el("table", { class: size }, el("caption", {}, power ? `${name} / ` : name, power ? powerText(power) : ""), body);
}

/** A power of ten to divide small or large numbers by, so that two digits say something; 0 where none is needed. */
function commonPower(full) {
  const power = Math.floor(Math.log10(full));
  return power < -1 || power > 2 ? power : 0;
}

function powerText(power) {
  return el("span", {}, "10", el("sup", {}, String(power).replace("-", "\u2212")));
}

/** A number in a small cell: about two digits. */
function short(value) {
  const size = Math.abs(value);
  if (size < 0.005) return "0";
  const text = value.toFixed(size >= 9.95 ? 0 : size >= 0.995 ? 1 : 2);
  return text.replace("-", "\u2212").replace("0.", ".");
}

/** The largest terms one by one, with the indices that their factors came from. */
function largestTerms(one) {
  const order = range(one.values.length).sort((a, b) => Math.abs(one.values[b]) - Math.abs(one.values[a]) || a - b);
  const shown = order.slice(0, MOST_TERMS);
  const rows = shown.map((i) => el("tr", {},
    ...one.factors.map((each) => el("td", {}, `${factorText(each, i)} `, el("b", {}, brief(each.values[i])))),
    el("td", {}, el("b", {}, brief(one.values[i]))), el("td", {}, noteOf(one, i))));
  const names = [...one.factors.map((each) => each.name.replaceAll("[]", "")), "term", "note"];
  const head = el("thead", {}, el("tr", {}, ...names.map((name) => el("th", { scope: "col" }, name))));
  const title = shown.length < order.length ? `The ${shown.length} largest of ${order.length} terms, one by one` : "The terms one by one";
  const table = el("table", { class: "terms" }, head, el("tbody", {}, ...rows));
  return el("details", {}, el("summary", {}, title), el("div", { class: "scroll" }, table));
}
