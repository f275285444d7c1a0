// Arrays as NumPy has them: numbers in a row, a shape, and the last axis running fastest.

/** Return one of the page's arrays, {shape, numbers, eps}, read from base64 when it is first asked for. */
function arrayOf(number) {
  const packed = CONTENT.arrays[number];
  if (!packed.array) packed.array = decoded(packed);
  return packed.array;
}

function decoded({ shape, type, scale, data }) {
  const text = atob(data);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  let numbers = bytes;
  if (type === "float32") numbers = new Float32Array(bytes.buffer);
  if (type === "float16") numbers = Float32Array.from(new Uint16Array(bytes.buffer), (bits) => scale * fromHalf(bits));
  return { shape, numbers, eps: type === "float16" ? 2 ** -10 : 2 ** -23 };
}

/** Return the number that 16 bits stand for: one of sign, five of exponent, ten of fraction. */
function fromHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24);
}

function isInside(array, place) {
  return place.length === array.shape.length && place.every((index, axis) => index >= 0 && index < array.shape[axis]);
}

/** Return the number at a place; 0 outside, as padding has it. */
function valueAt(array, place) {
  if (!isInside(array, place)) return 0;
  let index = 0;
  for (let axis = 0; axis < place.length; axis++) index = index * array.shape[axis] + place[axis];
  return array.numbers[index];
}

/** Return the whole numbers from `start` to before `stop`; with one argument, from 0. */
function range(start, stop) {
  const [first, end] = stop === undefined ? [0, start] : [start, stop];
  return Array.from({ length: Math.max(0, end - first) }, (_, i) => first + i);
}

/** Return all places whose index on each axis is the one given, or one of those given; the last axis runs fastest. */
function grid(...axes) {
  let places = [[]];
  for (const axis of axes) {
    const indices = Array.isArray(axis) ? axis : [axis];
    places = places.flatMap((place) => indices.map((index) => [...place, index]));
  }
  return places;
}

/** Return the place of the number that stands at `index` in a row of all numbers of an array. */
function unravel(index, shape) {
  const place = [];
  for (const length of [...shape].reverse()) {
    place.unshift(index % length);
    index = Math.floor(index / length);
  }
  return place;
}

function product(numbers) {
  return numbers.reduce((all, number) => all * number, 1);
}

function sum(numbers) {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}

/** Return the size that 99 of 100 of the numbers other than 0 don't exceed: where a picture has its full colour. */
function strongest(numbers) {
  if (!FULL_COLOUR.has(numbers)) FULL_COLOUR.set(numbers, sizeOfMost(numbers));
  return FULL_COLOUR.get(numbers);
}

const FULL_COLOUR = new WeakMap(); // found once for each array

function sizeOfMost(numbers) {
  const sizes = Float32Array.from(numbers, Math.abs).filter((size) => size > 0 && size < Infinity).sort();
  return sizes.length ? sizes[Math.ceil(0.99 * (sizes.length - 1))] : 1;
}
