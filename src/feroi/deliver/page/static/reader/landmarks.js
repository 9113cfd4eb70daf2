/* Sixty-eight landmarks of a face: `feroi.photo.landmarks`, model compact.

   Points are interleaved, [x0, y0, x1, y1, ...], in px, in the order of iBUG 300-W. A frame is a turned
   square: {x, y, side, roll}, roll in radians. */

import { fit } from "./ensemble.js";
import { crop, reduce, toIntensity } from "./pixels.js";

const BOX_PX = 144;
const START_ROLLS_DEG = [-60, -40, -20, 0, 20, 40, 60];
const PASSES = 3;
const NEAR = 0.1;
const BOX_DOWN = 0.072;
const BOX_SIDE = 3.41;

/** The landmarks of the face in a box of a picture. roll: of the face in radians, if it is known about. */
export function landmarks(photo, [x0, y0, x1, y1], trees, roll = null) {
  const [x, y] = [(x0 + x1 - 1) / 2, (y0 + y1 - 1) / 2];
  const side = Math.sqrt((x1 - x0) * (y1 - y0));
  const [left, top] = [Math.floor(x - 2 * side), Math.floor(y - 2 * side)];
  const shrink = Math.max(1, Math.trunc(side / BOX_PX));
  const reach = Math.ceil(4 * side);
  const near = reduce(toIntensity(crop(photo, left, top, reach, reach)), shrink);
  const inNear = (place) => (place + 0.5) / shrink - 0.5;
  const rolls = roll === null ? START_ROLLS_DEG.map((degrees) => (degrees * Math.PI) / 180) : [roll];
  let frames = rolls.map((roll) => ({ x: inNear(x - left), y: inNear(y - top), side: side / shrink, roll }));
  let tries = [];
  for (let pass = 0; pass < PASSES; pass++) {
    tries = frames.map((frame) => fitFrame(trees, near, frame));
    frames = tries.map(frameOf);
  }
  return agreed(tries).map((value, k) => (k % 2 ? top : left) + (value + 0.5) * shrink - 0.5);
}

/** The square around points that a detector would give for the face turned upright. */
export function frameOf(points) {
  const [x, y] = centre(points, 17, 68);
  const [lx, ly] = centre(points, 36, 42);
  const [rx, ry] = centre(points, 42, 48);
  const across = Math.max(Math.hypot(rx - lx, ry - ly), 1e-9);
  const [ux, uy] = [(rx - lx) / across, (ry - ly) / across];
  let squares = 0;
  for (let k = 17; k < 68; k++) squares += (points[2 * k] - x) ** 2 + (points[2 * k + 1] - y) ** 2;
  const spread = Math.sqrt(squares / 51);
  return {
    x: x - uy * BOX_DOWN * spread,
    y: y + ux * BOX_DOWN * spread,
    side: Math.max(BOX_SIDE * spread, 1),
    roll: Math.atan2(uy, ux),
  };
}

/** The mean [x, y] of points from `first` to before `end`. */
export function centre(points, first = 0, end = points.length / 2) {
  let [x, y] = [0, 0];
  for (let k = first; k < end; k++) {
    x += points[2 * k];
    y += points[2 * k + 1];
  }
  return [x / (end - first), y / (end - first)];
}

function fitFrame(trees, near, frame) {
  const step = [Math.cos(frame.roll), Math.sin(frame.roll)].map((part) => (part * frame.side) / BOX_PX);
  const side = BOX_PX - 1;
  const corner = [
    frame.x - (side / 2) * (step[0] - step[1]),
    frame.y - (side / 2) * (step[0] + step[1]),
  ];
  const shape = fit(trees, near, corner, step, side);
  const points = new Float64Array(shape.length);
  for (let k = 0; k < shape.length; k += 2) {
    points[k] = corner[0] + side * (step[0] * shape[k] - step[1] * shape[k + 1]);
    points[k + 1] = corner[1] + side * (step[0] * shape[k + 1] + step[1] * shape[k]);
  }
  return points;
}

/** Of several fits the one that most others are near, and the mean of all near that one. */
function agreed(tries) {
  const apart = tries.map((points) => {
    const size = meanDistance(points, middles(points));
    return tries.map((other) => meanDistance(points, other) / size);
  });
  const votes = tries.map((points, at) => {
    const near = apart[at].reduce((sum, distance) => sum + Math.exp(-distance / NEAR), 0);
    return Math.cos(frameOf(points).roll / 2) ** 2 * near;
  });
  const best = votes.indexOf(Math.max(...votes));
  const near = tries.filter((_, at) => apart[best][at] < NEAR);
  return tries[0].map((_, k) => near.reduce((sum, points) => sum + points[k], 0) / near.length);
}

/** As many times the mean of the points as there are points. */
function middles(points) {
  const middle = centre(points);
  return points.map((_, k) => middle[k % 2]);
}

function meanDistance(one, other) {
  let sum = 0;
  for (let k = 0; k < one.length; k += 2) sum += Math.hypot(one[k] - other[k], one[k + 1] - other[k + 1]);
  return (2 * sum) / one.length;
}
