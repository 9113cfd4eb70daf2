/* Whether a face is shown well enough to be read: `feroi.photo.quality`. */

import { headPose, turnDeg } from "./pose.js";
import { ferFrame } from "./prepare.js";
import { cut } from "./squares.js";

const EYES = [[36, 42], [42, 48]]; // of the 68 landmarks

/** {score, sizePx, sharpness, pose, problem} of the face with these points, prepared as `prepared`. */
export function quality(intensity, marks, prepared, facts) {
  const pose = headPose(marks.mesh.points, facts.mean_mesh);
  const sharp = sharpness(cut(intensity, ferFrame(marks, facts.framing), facts.framing.size_hw[0]));
  const parts = [
    ["too small", part(facts.quality.size, Math.hypot(...prepared.step))],
    ["turned too far", part(facts.quality.turn, turnDeg(pose))],
    ["too blurred", part(facts.quality.sharpness, sharp)],
  ];
  return {
    score: Math.min(...parts.map(([, value]) => value)),
    sizePx: eyesApart(marks.mesh.points, facts.mesh.index_68),
    sharpness: sharp,
    pose,
    problem: parts.find(([, value]) => value < facts.quality.limit)?.[0] ?? "",
  };
}

/** Between the middles of both eyes in px, as it would be if the face were not turned. */
function eyesApart(points, index) {
  const middle = ([first, end], axis) =>
    index.slice(first, end).reduce((sum, k) => sum + points[3 * k + axis], 0) / (end - first);
  return Math.hypot(...[0, 1, 2].map((axis) => middle(EYES[1], axis) - middle(EYES[0], axis)));
}

/** The share left at `value` of a curve, [[measured, share], ...]: straight between, level beyond. */
export function part(curve, value) {
  if (value <= curve[0][0]) return curve[0][1];
  const after = curve.findIndex(([measured]) => measured >= value);
  if (after < 0) return curve[curve.length - 1][1];
  const [[x0, y0], [x1, y1]] = [curve[after - 1], curve[after]];
  return y0 + ((value - x0) / (x1 - x0)) * (y1 - y0);
}

/** Energy of the Laplacian over energy of the gradient. */
export function sharpness({ width, height, data }) {
  let [across, down, bend] = [0, 0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      const [innerX, innerY] = [x > 0 && x < width - 1, y > 0 && y < height - 1];
      if (innerY && x < width - 1) across += (data[at + 1] - data[at]) ** 2;
      if (innerX && y < height - 1) down += (data[at + width] - data[at]) ** 2;
      if (innerX && innerY) {
        bend += (data[at - 1] + data[at + 1] + data[at - width] + data[at + width] - 4 * data[at]) ** 2;
      }
    }
  }
  const slope = across / ((height - 2) * (width - 1)) + down / ((height - 1) * (width - 2));
  return slope > 0 ? bend / ((height - 2) * (width - 2)) / slope : 0;
}
