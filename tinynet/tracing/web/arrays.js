// Arrays as NumPy has them: numbers in a row, a shape, and the last axis running fastest.

const TYPES = { uint8: Uint8Array, float16: Uint16Array, float32: Float32Array }; // float16 as bits
const BYTES = []; // of each array, put here by unpack
const ARRAYS = []; // by number, put here when first asked for

/** Undo base64 and deflate for these arrays of the page, so that arrayOf has them. */
async function unpack(numbers) {
  await Promise.all([...new Set(numbers)].map(async (number) => {
    if (CONTENT.arrays[number].data === null) return; // it was unpacked before
    const text = atob(CONTENT.arrays[number].data);
    CONTENT.arrays[number].data = null;
    const deflated = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) deflated[i] = text.charCodeAt(i);
    const stream = new Blob([deflated]).stream().pipeThrough(new DecompressionStream("deflate"));
    BYTES[number] = new Uint8Array(await new Response(stream).arrayBuffer());
  }));
}

/** Return one of the page's arrays, {shape, numbers, eps}. */
function arrayOf(number) {
  if (!ARRAYS[number]) {
    ARRAYS[number] = decoded(CONTENT.arrays[number], BYTES[number]);
    BYTES[number] = null;
  }
  return ARRAYS[number];
}

/** Make numbers of bytes that are sorted by their place: the first of every number, which is the lowest, then the second. */
function decoded({ shape, type, scale }, bytes) {
  const size = TYPES[type].BYTES_PER_ELEMENT;
  const count = bytes.length / size;
  const together = new Uint8Array(bytes.length);
  for (let place = 0; place < size; place++) {
    for (let i = 0; i < count; i++) together[i * size + place] = bytes[place * count + i];
  }
  const read = new TYPES[type](together.buffer);
  if (type !== "float16") return { shape, numbers: read, eps: 2 ** -23 };
  const numbers = new Float32Array(count);
  for (let i = 0; i < count; i++) numbers[i] = scale * fromHalf(read[i]);
  return { shape, numbers, eps: 2 ** -10 };
}

/** Return the number that 16 bits stand for: one of sign, five of exponent, ten of fraction. */
function fromHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? (1024 + fraction) * POWERS[exponent] : fraction * POWERS[1]);
}

const POWERS = range(32).map((exponent) => 2 ** (exponent - 25));

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
  const sizes = Float32Array.from(numbers).map(Math.abs).filter((size) => size > 0 && size < Infinity).sort();
  return sizes.length ? sizes[Math.ceil(0.99 * (sizes.length - 1))] : 1;
}
