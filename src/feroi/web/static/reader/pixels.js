/* Pictures as arrays, resized as Pillow resizes them, to the last bit where both sides change alike:
   `feroi.photo` stands on its filters.

   A picture is {width, height, channels, data}: data a Uint8Array in rows, channels 1 or 3. */

const BITS = 22; // of the fixed-point weights of Pillow's filters
const FILTERS = {
  bilinear: { reach: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: {
    reach: 2,
    weight(x) {
      const d = Math.abs(x);
      if (d < 1) return (1.5 * d - 2.5) * d * d + 1;
      return d < 2 ? ((-0.5 * d + 2.5) * d - 4) * d + 2 : 0;
    },
  },
};

/** The nearest whole number, of two the even one, as Python rounds. */
export function round(x) {
  const low = Math.floor(x);
  return x - low === 0.5 ? low + (low % 2 !== 0 ? 1 : 0) : Math.round(x);
}

/** RGB of a canvas' RGBA, which must be opaque. */
export function fromRgba(width, height, rgba) {
  const data = new Uint8Array(3 * width * height);
  for (let from = 0, to = 0; to < data.length; from += 4) {
    data[to++] = rgba[from];
    data[to++] = rgba[from + 1];
    data[to++] = rgba[from + 2];
  }
  return { width, height, channels: 3, data };
}

/** Intensity (ITU-R 601 luma) of a picture. */
export function toIntensity(picture) {
  const { width, height, channels, data: rgb } = picture;
  if (channels === 1) return picture;
  const data = new Uint8Array(width * height);
  for (let from = 0, to = 0; to < data.length; from += 3) {
    data[to++] = (19595 * rgb[from] + 38470 * rgb[from + 1] + 7471 * rgb[from + 2] + 0x8000) >> 16;
  }
  return { width, height, channels: 1, data };
}

/** The rectangle of a picture from (left, top) on; black where it reaches beyond. */
export function crop(picture, left, top, width, height) {
  const { channels } = picture;
  const data = new Uint8Array(width * height * channels);
  const x0 = Math.max(left, 0);
  const x1 = Math.min(left + width, picture.width);
  for (let y = Math.max(top, 0); y < Math.min(top + height, picture.height) && x0 < x1; y++) {
    const from = picture.data.subarray((y * picture.width + x0) * channels, (y * picture.width + x1) * channels);
    data.set(from, ((y - top) * width + x0 - left) * channels);
  }
  return { width, height, channels, data };
}

/** A picture at another size, by one of FILTERS, which averages when it shrinks. */
export function resize(picture, width, height, filter) {
  let { data } = picture;
  const { channels } = picture;
  if (width !== picture.width) data = resizeRows(data, picture.width, picture.height, channels, width, filter);
  if (height !== picture.height) data = resizeColumns(data, width * channels, picture.height, height, filter);
  return { width, height, channels, data };
}

/** `resize` of a picture first reduced to no less than twice the size: Pillow's reducing_gap=2. */
export function resizeByGap(picture, width, height, filter) {
  const across = Math.max(Math.trunc(picture.width / width / 2), 1);
  const down = Math.max(Math.trunc(picture.height / height / 2), 1);
  if (across === 1 && down === 1) return resize(picture, width, height, filter);
  const reduced = reduce(picture, across, down);
  // the last block may be cut by the border, so the picture does not end where the reduced one does
  return resizeTo(reduced, picture.width / across, picture.height / down, width, height, filter);
}

/** The upper left `spanX` by `spanY` px of a picture at another size. */
function resizeTo(picture, spanX, spanY, width, height, filter) {
  const { channels } = picture;
  let { data } = picture;
  data = resizeRows(data, picture.width, picture.height, channels, width, filter, spanX);
  data = resizeColumns(data, width * channels, picture.height, height, filter, spanY);
  return { width, height, channels, data };
}

/** Blocks of `across` by `down` px averaged; those at the right and lower border may be smaller. */
export function reduce(picture, across, down = across) {
  if (across === 1 && down === 1) return picture;
  const { channels } = picture;
  const width = Math.ceil(picture.width / across);
  const height = Math.ceil(picture.height / down);
  const data = new Uint8Array(width * height * channels);
  for (let row = 0; row < height; row++) {
    const y1 = Math.min((row + 1) * down, picture.height);
    for (let column = 0; column < width; column++) {
      const x1 = Math.min((column + 1) * across, picture.width);
      const n = (y1 - row * down) * (x1 - column * across);
      const inverse = Math.floor(2 ** 24 / n);
      for (let channel = 0; channel < channels; channel++) {
        let sum = n >> 1;
        for (let y = row * down; y < y1; y++) {
          for (let x = column * across; x < x1; x++) sum += picture.data[(y * picture.width + x) * channels + channel];
        }
        data[(row * width + column) * channels + channel] = Math.floor((sum * inverse) / 2 ** 24);
      }
    }
  }
  return { width, height, channels, data };
}

/** The picture turned by so many quarters against the clock. */
export function quarterTurned(picture, quarters) {
  const { width, height, channels, data } = picture;
  const turns = ((quarters % 4) + 4) % 4;
  if (!turns) return picture;
  const [wide, high] = turns % 2 ? [height, width] : [width, height];
  // where the first pixel was, and how far its neighbours to the right and below were from it
  const [first, right, below] = [
    null,
    [width - 1, width, -1],
    [width * height - 1, -1, -width],
    [(height - 1) * width, -width, 1],
  ][turns];
  const made = new Uint8Array(data.length);
  for (let row = 0, to = 0; row < high; row++) {
    for (let column = 0; column < wide; column++) {
      const from = (first + row * below + column * right) * channels;
      for (let channel = 0; channel < channels; channel++) made[to++] = data[from + channel];
    }
  }
  return { width: wide, height: high, channels, data: made };
}

/** The picture turned against the clock about its middle, on a larger black one: Pillow's rotate, bilinear. */
export function rotated(picture, degrees) {
  const radians = -((degrees % 360) * Math.PI) / 180;
  const [cos, sin] = [Math.cos(radians), Math.sin(radians)].map((part) => Number(part.toFixed(15)));
  const { width, height } = picture;
  const turned = (x, y, [a, b, c, d, e, f]) => [a * x + b * y + c, d * x + e * y + f];
  const about = turned(-width / 2, -height / 2, [cos, sin, 0, -sin, cos, 0]);
  const matrix = [cos, sin, about[0] + width / 2, -sin, cos, about[1] + height / 2];
  const corners = [[0, 0], [width, 0], [width, height], [0, height]].map(([x, y]) => turned(x, y, matrix));
  const [wide, high] = [0, 1].map((axis) => {
    const places = corners.map((corner) => corner[axis]);
    return Math.ceil(Math.max(...places)) - Math.floor(Math.min(...places));
  });
  const [x, y] = turned(-(wide - width) / 2, -(high - height) / 2, matrix);
  return transformed(picture, wide, high, [cos, sin, x, -sin, cos, y]);
}

/** A picture of which (x, y) shows (a x + b y + c, d x + e y + f), bilinear, black beyond: Pillow's AFFINE. */
export function transformed(picture, width, height, [a, b, c, d, e, f]) {
  const { width: wide, height: high, channels, data } = picture;
  const made = new Uint8Array(width * height * channels);
  for (let row = 0, to = 0; row < height; row++) {
    for (let column = 0; column < width; column++, to += channels) {
      const x = a * (column + 0.5) + b * (row + 0.5) + c;
      const y = d * (column + 0.5) + e * (row + 0.5) + f;
      if (!(x >= 0 && x < wide && y >= 0 && y < high)) continue;
      const left = Math.floor(x - 0.5);
      const top = Math.floor(y - 0.5);
      const across = x - 0.5 - left;
      const down = y - 0.5 - top;
      const x0 = Math.max(left, 0) * channels;
      const x1 = Math.min(left + 1, wide - 1) * channels;
      const upper = Math.max(top, 0) * wide * channels;
      const lower = top + 1 < high ? (top + 1) * wide * channels : upper;
      for (let channel = 0; channel < channels; channel++) {
        const p = data[upper + x0 + channel];
        const q = data[lower + x0 + channel];
        const above = p + (data[upper + x1 + channel] - p) * across;
        const below = q + (data[lower + x1 + channel] - q) * across;
        made[to + channel] = above + (below - above) * down;
      }
    }
  }
  return { width, height, channels, data: made };
}

/** For each of `size` px, the first of the pixels it is made of, how many, and their fixed-point weights. */
function weights(length, size, { reach, weight }, span = length) {
  const scale = span / size;
  const wide = Math.max(scale, 1);
  const support = reach * wide;
  return Array.from({ length: size }, (_, at) => {
    const centre = (at + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - support + 0.5), 0);
    const end = Math.min(Math.trunc(centre + support + 0.5), length);
    const shares = Array.from({ length: end - first }, (_, k) => weight((k + first - centre + 0.5) / wide));
    const sum = shares.reduce((a, b) => a + b, 0);
    const fixed = shares.map((share) => Math.trunc((share / sum) * 2 ** BITS + (share < 0 ? -0.5 : 0.5)));
    return { first, fixed: Int32Array.from(fixed) };
  });
}

function clipped(sum) {
  const value = sum >> BITS;
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

function resizeRows(data, width, height, channels, size, filter, span) {
  const made = new Uint8Array(size * height * channels);
  const parts = weights(width, size, FILTERS[filter], span);
  const half = 1 << (BITS - 1);
  for (let row = 0, to = 0; row < height; row++) {
    for (let column = 0; column < size; column++, to += channels) {
      const { first, fixed } = parts[column];
      let from = (row * width + first) * channels;
      if (channels === 1) {
        let sum = half;
        for (let k = 0; k < fixed.length; k++) sum += data[from++] * fixed[k];
        made[to] = clipped(sum);
        continue;
      }
      let [red, green, blue] = [half, half, half];
      for (let k = 0; k < fixed.length; k++, from += 3) {
        const weight = fixed[k];
        red += data[from] * weight;
        green += data[from + 1] * weight;
        blue += data[from + 2] * weight;
      }
      made[to] = clipped(red);
      made[to + 1] = clipped(green);
      made[to + 2] = clipped(blue);
    }
  }
  return made;
}

function resizeColumns(data, stride, height, size, filter, span) {
  const made = new Uint8Array(stride * size);
  const parts = weights(height, size, FILTERS[filter], span);
  const sums = new Int32Array(stride);
  for (let row = 0; row < size; row++) {
    const { first, fixed } = parts[row];
    sums.fill(1 << (BITS - 1));
    for (let k = 0; k < fixed.length; k++) {
      const from = (first + k) * stride;
      const weight = fixed[k];
      for (let x = 0; x < stride; x++) sums[x] += data[from + x] * weight;
    }
    for (let x = 0; x < stride; x++) made[row * stride + x] = clipped(sums[x]);
  }
  return made;
}
