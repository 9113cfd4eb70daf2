/* Where the faces of a photo are: `feroi.photo.detect`, detector cnn. Boxes are [x0, y0, x1, y1] in px. */

import { resizeByGap, round } from "./pixels.js";

export const SCAN_PIXELS = 1e6;
const MAX_ENLARGEMENT = 2;
const WINDOW_PX = 80;
const PYRAMID_STEP = 1.3;
const MARGIN_PX = 24;
const MARGIN_RGB = [123, 117, 104];
const THRESHOLD = -0.3;
const STRIDE_PX = 8;
const FIRST_CENTRE_PX = 14;
const SAME_FACE_OVERLAP = 0.5;
const SHIFT_XY = [0.023, 0.073]; // from the cnn's window to the HOG detector's, in window sizes
const SIZE = 1.06;

/** Every face of an RGB picture, biggest first: [{box, score}].

    score: async (values, height, width), a CHW array of RGB to {values, height, width}, the cnn's map.
    scanPixels: how large the photo is scanned; smaller faces are found in a larger one. */
export async function detect(photo, score, scanPixels = SCAN_PIXELS) {
  const finest = Math.min(MAX_ENLARGEMENT, Math.sqrt(scanPixels / (photo.width * photo.height)));
  const finestLevel = scaled(photo, finest);
  const windows = [];
  let level = finestLevel;
  let shrink = 1;
  while (Math.min(level.width, level.height) + 2 * MARGIN_PX >= WINDOW_PX) {
    for (const [x, y, size, sure] of await levelWindows(level, score)) {
      const back = shrink / finest;
      windows.push({ x: x * back, y: y * back, size: size * back, sure });
    }
    shrink *= PYRAMID_STEP;
    level = scaled(finestLevel, 1 / shrink);
  }
  return sameFace(windows).map(framed).sort((a, b) => area(b.box) - area(a.box));
}

/** Share of the smaller that two square windows {x, y, size} share. */
export function overlap(one, other) {
  const smaller = Math.min(one.size, other.size);
  const reach = (one.size + other.size) / 2;
  const [width, height] = [other.x - one.x, other.y - one.y].map((apart) =>
    Math.min(Math.max(reach - Math.abs(apart), 0), smaller),
  );
  return (width * height) / smaller ** 2;
}

export function area([x0, y0, x1, y1]) {
  return (x1 - x0) * (y1 - y0);
}

function scaled(photo, scale) {
  const [width, height] = [photo.width, photo.height].map((side) => Math.max(1, round(scale * side)));
  return resizeByGap(photo, width, height, "bilinear");
}

async function levelWindows(level, score) {
  const width = level.width + 2 * MARGIN_PX;
  const height = level.height + 2 * MARGIN_PX;
  const values = new Float32Array(3 * width * height);
  for (let channel = 0; channel < 3; channel++) {
    const plane = values.subarray(channel * width * height, (channel + 1) * width * height).fill(MARGIN_RGB[channel]);
    for (let row = 0; row < level.height; row++) {
      let to = (row + MARGIN_PX) * width + MARGIN_PX;
      let from = 3 * row * level.width + channel;
      for (let column = 0; column < level.width; column++, from += 3) plane[to++] = level.data[from];
    }
  }
  const map = await score(values, height, width);
  const windows = [];
  const place = (cell) => STRIDE_PX * cell + FIRST_CENTRE_PX + 0.5 - MARGIN_PX;
  map.values.forEach((sure, at) => {
    if (sure > THRESHOLD) {
      windows.push([place(at % map.width), place(Math.floor(at / map.width)), WINDOW_PX, sure]);
    }
  });
  return windows;
}

/** Windows in groups that overlap their best one. */
function sameFace(windows) {
  const groups = [];
  let left = [...windows].sort((a, b) => b.sure - a.sure);
  while (left.length) {
    const same = left.map((window) => overlap(left[0], window) > SAME_FACE_OVERLAP);
    groups.push(left.filter((_, at) => same[at]));
    left = left.filter((_, at) => !same[at]);
  }
  return groups;
}

/** The face that a group of windows agrees on, framed as the HOG detector would. */
function framed(group) {
  const weight = group.map(({ sure }) => sure - THRESHOLD);
  const total = weight.reduce((a, b) => a + b, 0);
  const mean = (key) => group.reduce((sum, window, at) => sum + window[key] * weight[at], 0) / total;
  const size = mean("size");
  const x = mean("x") + SHIFT_XY[0] * size;
  const y = mean("y") + SHIFT_XY[1] * size;
  const half = (SIZE * size) / 2;
  return { box: [x - half, y - half, x + half, y + half], score: Math.max(...group.map(({ sure }) => sure)) };
}
