/* From a face in a photo to the crop a network reads, as FER-2013 shows faces, level by the eyes:
   `feroi.photo.crop`, pipeline wild. */

import { frameOf } from "./landmarks.js";
import { crop, resize, round } from "./pixels.js";
import { across } from "./squares.js";

const PIXELS_PER_SAMPLE = 1.5;
const MARGIN_PX = 8;
const SMALLEST_SPREAD_PX = 1e-3;

/** The square round a face of an intensity picture: {image, points, corner, step}.

    marks: as `locate` tells them. framing: what FER-2013's squares are. The middle of the image's first pixel lies
    at `corner` [x, y] of the photo, and that of its neighbour to the right `step` [x, y] from there; points are the
    landmarks in px of the image. Throws RangeError for landmarks that are no face, or one
    that is nowhere on the photo. */
export function prepare(intensity, marks, [height, width], framing) {
  check(marks.landmarks);
  const frame = ferFrame(marks, framing);
  const step = across(frame).map((part) => part / Math.max(height, width));
  const [stepX, stepY] = step;
  const [middleX, middleY] = [(width - 1) / 2, (height - 1) / 2];
  const place = (column, row) => [
    frame.x + stepX * (column - middleX) - stepY * (row - middleY),
    frame.y + stepX * (row - middleY) + stepY * (column - middleX),
  ];
  const corners = [place(0, 0), place(width - 1, 0), place(0, height - 1), place(width - 1, height - 1)];
  const away = [intensity.width, intensity.height].some((side, axis) => {
    const places = corners.map((corner) => corner[axis]);
    return Math.max(...places) < 0 || Math.min(...places) > side - 1;
  });
  if (away) throw new RangeError(`the face lies outside the photo of ${intensity.width}x${intensity.height} px`);
  const image = sample(intensity, place, [height, width], Math.hypot(stepX, stepY));
  const square = stepX ** 2 + stepY ** 2;
  const points = marks.landmarks.map((_, k, all) => {
    const [x, y] = [all[k - (k % 2)] - frame.x, all[k - (k % 2) + 1] - frame.y];
    return k % 2 ? (stepX * y - stepY * x) / square + middleY : (stepX * x + stepY * y) / square + middleX;
  });
  return { image, points, corner: place(0, 0), step };
}

/** The square in which FER-2013 would show the face. */
export function ferFrame({ landmarks, frame }, framing) {
  const face = frameOf(landmarks, framing);
  const rise = framing.fer_rise * frame.side;
  return {
    x: face.x + Math.sin(face.roll) * rise,
    y: face.y - Math.cos(face.roll) * rise,
    side: framing.fer_side * frame.side,
    roll: face.roll,
  };
}

/** The middle of a crop, as the network is shown it. */
export function middle({ image, points, corner, step }, [height, width]) {
  const top = Math.floor((image.height - height) / 2);
  const left = Math.floor((image.width - width) / 2);
  return {
    image: crop(image, left, top, width, height),
    points: points.map((value, k) => value - (k % 2 ? top : left)),
    corner: [corner[0] + step[0] * left - step[1] * top, corner[1] + step[0] * top + step[1] * left],
    step,
  };
}

/** As `checked_landmarks`: the second singular value of what is not jaw tells a face from a line. */
function check(landmarks) {
  const inner = landmarks.slice(34);
  const mean = [0, 1].map((axis) => inner.reduce((sum, value, k) => sum + (k % 2 === axis ? value : 0), 0) / 51);
  let [xx, xy, yy] = [0, 0, 0];
  for (let k = 0; k < inner.length; k += 2) {
    const [x, y] = [inner[k] - mean[0], inner[k + 1] - mean[1]];
    xx += x * x;
    xy += x * y;
    yy += y * y;
  }
  const least = (xx + yy) / 2 - Math.hypot((xx - yy) / 2, xy);
  if (!(Math.sqrt(Math.max(least, 0)) >= SMALLEST_SPREAD_PX)) {
    throw new RangeError("landmarks lie on one line or in one point; they are no face");
  }
}

/** A picture at places px apart, told by column and row; its border goes on beyond. `feroi.photo.warp`. */
function sample(picture, place, [rows, columns], px) {
  const [xs, ys] = [new Float64Array(rows * columns), new Float64Array(rows * columns)];
  for (let at = 0; at < xs.length; at++) {
    const [x, y] = place(at % columns, Math.floor(at / columns));
    xs[at] = Math.min(Math.max(x, 0), picture.width - 1);
    ys[at] = Math.min(Math.max(y, 0), picture.height - 1);
  }
  const [left, right] = reach(xs, picture.width);
  const [top, bottom] = reach(ys, picture.height);
  const region = crop(picture, left, top, right - left, bottom - top);
  const factor = Math.max(px / PIXELS_PER_SAMPLE, 1);
  const [width, height] = [region.width, region.height].map((side) => Math.max(round(side / factor), 1));
  const shrunk = resize(region, width, height, "bicubic");
  const data = new Uint8Array(xs.length);
  for (let at = 0; at < data.length; at++) {
    const x = rescaled(xs[at] - left, width, region.width);
    const y = rescaled(ys[at] - top, height, region.height);
    data[at] = Math.fround(Math.fround(between(shrunk, x, y)) + 0.5);
  }
  return { width: columns, height: rows, channels: 1, data };
}

/** First and end of the pixels needed along a side, with room for the filter that shrinks. */
function reach(places, length) {
  const [low, high] = places.reduce(([low, high], place) => [Math.min(low, place), Math.max(high, place)], [Infinity, -Infinity]);
  return [Math.max(Math.trunc(low) - MARGIN_PX, 0), Math.min(Math.trunc(high) + MARGIN_PX + 2, length)];
}

function rescaled(place, length, original) {
  return length === original ? place : (place + 0.5) * (length / original) - 0.5;
}

function between({ width, height, data }, x, y) {
  x = Math.min(Math.max(x, 0), width - 1);
  y = Math.min(Math.max(y, 0), height - 1);
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const right = Math.min(left + 1, width - 1);
  const below = Math.min(top + 1, height - 1) * width;
  const upper = (1 - x + left) * data[top * width + left] + (x - left) * data[top * width + right];
  const lower = (1 - x + left) * data[below + left] + (x - left) * data[below + right];
  return (1 - y + top) * upper + (y - top) * lower;
}
