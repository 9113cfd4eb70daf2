/* Whether a face is shown well enough to be read: `feroi.photo.quality`. */

import { fitCamera } from "./geometry.js";
import { prepare } from "./prepare.js";

/** {score, sizePx, sharpness, yawDeg, problem} of the face with these landmarks, prepared as `prepared`. */
export function quality(intensity, points, prepared, facts) {
  const camera = fitCamera(points, facts.landmarks_cm);
  const [height, width] = facts.framing.size_hw;
  const same = prepared.image.width === width && prepared.image.height === height;
  const { image } = same ? prepared : prepare(intensity, points, [height, width], facts.framing);
  const sharp = sharpness(image);
  const parts = [
    ["too small", part(facts.quality.size, prepared.px)],
    ["turned too far", part(facts.quality.turn, Math.abs(camera.yawDeg))],
    ["too blurred", part(facts.quality.sharpness, sharp)],
  ];
  return {
    score: Math.min(...parts.map(([, value]) => value)),
    sizePx: camera.scale * facts.eye_distance_cm,
    sharpness: sharp,
    yawDeg: camera.yawDeg,
    problem: parts.find(([, value]) => value < facts.quality.limit)?.[0] ?? "",
  };
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
