/* The regions of the face that Table 4 speaks of, and how much of a map lies on each: `feroi.explain.regions`. */

import { centre } from "./landmarks.js";

const FINE = 4;
const NAMES = [null, "lip", "nose", "lid", "brow", "jaw", "cheek"]; // what is painted first stays

/** Share of the map (height x width, multiples of uniform) on each region, and share of the image it covers.

    points: landmarks in the image. Returns {shares, areas, gains}; a region of no area has no gain. */
export function regionShares(map, points, [height, width], names) {
  const regions = regionOfPixels(points, [height, width]);
  const sums = Object.fromEntries(names.map((name) => [name, { share: 0, pixels: 0 }]));
  let total = 0;
  map.forEach((value, at) => {
    total += value;
    const sum = sums[regions[at]];
    if (sum) {
      sum.share += value;
      sum.pixels += 1;
    }
  });
  const [shares, areas, gains] = [{}, {}, {}];
  for (const name of names) {
    shares[name] = sums[name].share / total;
    areas[name] = sums[name].pixels / (height * width);
    if (areas[name]) gains[name] = shares[name] / areas[name];
  }
  return { shares, areas, gains };
}

/** The sum of a map of locations over each region, and elsewhere: `feroi.explain.regions.region_sums`. */
export function regionSums(map, points, [height, width], names) {
  const regions = regionOfPixels(points, [height, width]);
  const sums = Object.fromEntries([...names, "elsewhere"].map((name) => [name, 0]));
  const [down, across] = [sharing(height, map.height), sharing(width, map.width)];
  regions.forEach((name, at) => {
    for (const [row, high] of down[Math.floor(at / width)]) {
      for (const [column, wide] of across[at % width]) sums[name ?? "elsewhere"] += high * wide * map.values[row * map.width + column];
    }
  });
  return sums;
}

/** For each pixel along a side the locations it lies in, and its share of each. */
function sharing(pixels, locations) {
  const side = pixels / locations;
  return Array.from({ length: pixels }, (_, at) => {
    const shares = [];
    for (let k = Math.floor(at / side); k < locations && k * side < at + 1; k++) {
      const share = (Math.min((k + 1) * side, at + 1) - Math.max(k * side, at)) / side;
      if (share > 0) shares.push([k, share]);
    }
    return shares;
  });
}

/** The name of the region each pixel lies in, or null: one that covers more than half of it. */
export function regionOfPixels(points, [height, width]) {
  const painted = paint(points.map((value) => (value + 0.5) * FINE), height * FINE, width * FINE);
  const counts = new Uint8Array(NAMES.length);
  return Array.from({ length: height * width }, (_, at) => {
    counts.fill(0);
    const corner = FINE * (Math.floor(at / width) * width * FINE + (at % width));
    for (let k = 0; k < FINE ** 2; k++) counts[painted[corner + Math.floor(k / FINE) * width * FINE + (k % FINE)]]++;
    return NAMES[counts.findIndex((count) => count > FINE ** 2 / 2)] ?? null;
  });
}

/** The index in NAMES of each fine pixel. */
function paint(points, height, width) {
  const canvas = { height, width, painted: new Uint8Array(height * width) };
  const range = (first, end) => Array.from(points.slice(2 * first, 2 * end));
  const [left, right] = [centre(points, 36, 42), centre(points, 42, 48)];
  const unit = Math.hypot(right[0] - left[0], right[1] - left[1]);
  fill(canvas, "lip", hull(range(48, 60)), 0.1 * unit);
  fill(canvas, "nose", hull(range(27, 36)), 0.1 * unit);
  for (const eye of [range(36, 42), range(42, 48)]) fill(canvas, "lid", hull(eye), 0.13 * unit);
  for (const brow of [range(17, 22), range(22, 27)]) stroke(canvas, "brow", brow, 0.18 * unit);

  const eyes = centre(points, 36, 48);
  const way = [points[16] - eyes[0], points[17] - eyes[1]];
  const down = way.map((part) => part / Math.hypot(...way));
  const depth = (x, y) => x * down[0] + y * down[1];
  const mark = (k) => depth(points[2 * k], points[2 * k + 1]);
  const jaw = Math.min(mark(57), (mark(48) + mark(54)) / 2 + 0.15 * unit);
  const belowEyes = (depth(...left) + depth(...right)) / 2;
  const face = hull([...range(3, 14), ...range(17, 27)]);
  fill(canvas, "jaw", face, 0, (x, y) => depth(x, y) > jaw);
  fill(canvas, "cheek", face, 0, (x, y) => depth(x, y) > belowEyes);
  return canvas.painted;
}

/** Paints a hull and what lies within `margin` of it, where `also` holds. */
function fill(canvas, name, corners, margin, also = () => true) {
  const closed = [...corners, corners[0], corners[1]];
  const test = (x, y) => also(x, y) && (inside(closed, x, y) || toLine(closed, x, y) <= margin);
  cover(canvas, name, closed, margin, test);
}

function stroke(canvas, name, line, radius) {
  cover(canvas, name, line, radius, (x, y) => toLine(line, x, y) <= radius);
}

/** Paints pixels that are free and whose centre passes, no further from the points than `margin`. */
function cover({ height, width, painted }, name, points, margin, passes) {
  const reach = (axis, length) => {
    const places = points.filter((_, k) => k % 2 === axis);
    const first = Math.max(Math.floor(Math.min(...places) - margin), 0);
    return [first, Math.min(Math.ceil(Math.max(...places) + margin) + 1, length)];
  };
  const [[left, right], [top, bottom]] = [reach(0, width), reach(1, height)];
  const code = NAMES.indexOf(name);
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      if (!painted[y * width + x] && passes(x + 0.5, y + 0.5)) painted[y * width + x] = code;
    }
  }
}

/** Corners of the convex hull of interleaved points, interleaved, in order (Andrew 1979). */
export function hull(points) {
  const pairs = Array.from({ length: points.length / 2 }, (_, k) => [points[2 * k], points[2 * k + 1]]);
  const sorted = pairs.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const chain = (ordered) => {
    const corners = [];
    for (const [x, y] of ordered) {
      while (corners.length > 1 && turn(...corners.at(-2), ...corners.at(-1), x, y) <= 0) corners.pop();
      corners.push([x, y]);
    }
    return corners.slice(0, -1);
  };
  return [...chain(sorted), ...chain(sorted.reverse())].flat();
}

function turn(ax, ay, bx, by, x, y) {
  return (bx - ax) * (y - ay) - (by - ay) * (x - ax);
}

function inside(closed, x, y) {
  for (let k = 2; k < closed.length; k += 2) {
    if (turn(closed[k - 2], closed[k - 1], closed[k], closed[k + 1], x, y) < 0) return false;
  }
  return true;
}

/** Distance of a place from a line through interleaved points. */
function toLine(points, x, y) {
  let least = Infinity;
  for (let k = 2; k < points.length; k += 2) {
    const [ax, ay] = [points[k - 2], points[k - 1]];
    const [bx, by] = [points[k] - ax, points[k + 1] - ay];
    const length = bx * bx + by * by;
    const along = length ? Math.min(Math.max(((x - ax) * bx + (y - ay) * by) / length, 0), 1) : 0;
    const [dx, dy] = [ax + along * bx - x, ay + along * by - y];
    least = Math.min(least, dx * dx + dy * dy);
  }
  return Math.sqrt(least);
}
