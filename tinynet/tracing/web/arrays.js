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

function isInside(array, at) {
  return at.length === array.shape.length && at.every((i, axis) => i >= 0 && i < array.shape[axis]);
}

/** Return the number at an index; 0 outside, as padding has it. */
function valueAt(array, at) {
  if (!isInside(array, at)) return 0;
  let flat = 0;
  for (let axis = 0; axis < at.length; axis++) flat = flat * array.shape[axis] + at[axis];
  return array.numbers[flat];
}

/** Return the whole numbers from `start` to before `stop`; with one argument, from 0. */
function range(start, stop) {
  const [first, end] = stop === undefined ? [0, start] : [start, stop];
  return Array.from({ length: Math.max(0, end - first) }, (_, i) => first + i);
}

/** Return all indices that have on each axis the one given, or one of those given; the last axis runs fastest. */
function grid(...axes) {
  let indices = [[]];
  for (const axis of axes) {
    const given = Array.isArray(axis) ? axis : [axis];
    indices = indices.flatMap((at) => given.map((i) => [...at, i]));
  }
  return indices;
}

/** Return the index of the number that is number `flat` in a row of all numbers of an array. */
function unravel(flat, shape) {
  const at = [];
  for (const length of [...shape].reverse()) {
    at.unshift(flat % length);
    flat = Math.floor(flat / length);
  }
  return at;
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
