/* A cascade of regression trees that moves a mean shape onto a face: `feroi.photo.ensemble`.

   Points are interleaved, [x0, y0, x1, y1, ...]; a shape is in units of its box. */

const TYPES = { int8: Int8Array, uint8: Uint8Array, uint16: Uint16Array, float32: Float32Array };

/** The ensemble in a file that `feroi.deliver.page.facts.packed_trees` made. */
export function unpack(buffer) {
  const bytes = new Uint8Array(buffer);
  const body = bytes.indexOf(10) + 1;
  const places = JSON.parse(new TextDecoder().decode(bytes.subarray(0, body)));
  const arrays = {};
  for (const [name, { type, shape, offset }] of Object.entries(places)) {
    const values = shape.reduce((a, b) => a * b, 1);
    arrays[name] = new TYPES[type](buffer, body + offset, values);
  }
  const [cascades, trees, splits] = places.pairs.shape;
  return { ...arrays, cascades, trees, splits, pixels: places.anchors.shape[1], points: places.mean.shape[0] };
}

/** The face in an intensity picture as fitted from a box: its shape, in units of the box.

    corner: [x, y], where the first of side + 1 points of the box's upper side lies; step: [x, y], from
    there to the next. */
export function fit(trees, picture, corner, step, side) {
  const shape = Float64Array.from(trees.mean);
  const values = new Float32Array(trees.pixels);
  for (let cascade = 0; cascade < trees.cascades; cascade++) {
    compare(trees, cascade, shape, picture, corner, step, side, values);
    for (let tree = 0; tree < trees.trees; tree++) {
      const at = cascade * trees.trees + tree;
      addLeaf(trees, at, leafOf(trees, at, values), shape);
    }
  }
  return shape;
}

/** Rotation and scale, as a complex factor [re, im], that best turn shape `start` into `end`. */
export function similarity(start, end) {
  const [ax, ay] = mean(start);
  const [bx, by] = mean(end);
  let re = 0;
  let im = 0;
  let size = 0;
  for (let k = 0; k < start.length; k += 2) {
    const [a, b, c, d] = [start[k] - ax, start[k + 1] - ay, end[k] - bx, end[k + 1] - by];
    re += c * a + d * b;
    im += d * a - c * b;
    size += a * a + b * b;
  }
  return [re / size, im / size];
}

function mean(points) {
  let [x, y] = [0, 0];
  for (let k = 0; k < points.length; k += 2) {
    x += points[k];
    y += points[k + 1];
  }
  return [(2 * x) / points.length, (2 * y) / points.length];
}

/** The intensities that the splits of one cascade compare, into `values`. */
function compare(trees, cascade, shape, picture, corner, step, side, values) {
  const [re, im] = similarity(trees.mean, shape);
  for (let pixel = 0; pixel < trees.pixels; pixel++) {
    const at = cascade * trees.pixels + pixel;
    const anchor = 2 * trees.anchors[at];
    const [dx, dy] = [trees.offsets[2 * at], trees.offsets[2 * at + 1]];
    const x = Math.floor(side * (shape[anchor] + re * dx - im * dy) + 0.5);
    const y = Math.floor(side * (shape[anchor + 1] + re * dy + im * dx) + 0.5);
    values[pixel] = valueAt(picture, corner[0] + step[0] * x - step[1] * y, corner[1] + step[0] * y + step[1] * x);
  }
}

function leafOf(trees, tree, values) {
  let node = 0;
  while (node < trees.splits) {
    const at = tree * trees.splits + node;
    const apart = Math.fround(values[trees.pairs[2 * at]] - values[trees.pairs[2 * at + 1]]);
    node = 2 * node + (apart <= trees.thresholds[at] ? 2 : 1);
  }
  return node - trees.splits;
}

function addLeaf(trees, tree, leaf, shape) {
  const from = (tree * (trees.splits + 1) + leaf) * shape.length;
  for (let k = 0; k < shape.length; k++) {
    shape[k] += Math.fround(trees.leaves[from + k] * trees.scale[tree * shape.length + k]);
  }
}

/** Linear between the centres of pixels, 0 beyond the picture. */
function valueAt({ width, height, data }, x, y) {
  if (!(x >= -0.5 && x < width - 0.5 && y >= -0.5 && y < height - 0.5)) return 0;
  x = Math.min(Math.max(x, 0), width - 1);
  y = Math.min(Math.max(y, 0), height - 1);
  const left = Math.trunc(x);
  const top = Math.trunc(y);
  const right = Math.min(left + 1, width - 1);
  const bottom = Math.min(top + 1, height - 1);
  x -= left;
  y -= top;
  const upper = (1 - x) * data[top * width + left] + x * data[top * width + right];
  const lower = (1 - x) * data[bottom * width + left] + x * data[bottom * width + right];
  return (1 - y) * upper + y * lower;
}
