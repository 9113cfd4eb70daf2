/* Faces of one picture found again in the next, without a search: the camera's way. */

import { frameOf, landmarks } from "./landmarks.js";

const START_SIZES = [0.9, 1.15];
const LARGEST_DISAGREEMENT = 0.15; // of the distance between the eyes, as `feroi.photo.cropped`

/** The faces that were read in the last picture as they are in this one: [{box, score, points}].

    Null if one is lost: two fits that start from different frames must end at the same points. */
export function follow(photo, faces, trees) {
  const found = faces.map((face) => {
    const frame = frameOf(face.landmarks);
    const [one, other] = START_SIZES.map((size) => landmarks(photo, boxOf(frame, size), trees, frame.roll));
    const points = one.map((value, k) => (value + other[k]) / 2);
    return agree(one, other) ? { box: boxOf(frameOf(points)), score: face.score, points } : null;
  });
  return found.includes(null) ? null : found;
}

/** The upright box about a frame, as a detector would draw it, times `size`. */
function boxOf({ x, y, side }, size = 1) {
  const half = (size * side) / 2;
  return [x + 0.5 - half, y + 0.5 - half, x + 0.5 + half, y + 0.5 + half];
}

function agree(one, other) {
  const eyes = [36, 39, 42, 45].map((k) => [one[2 * k], one[2 * k + 1]]);
  const unit = Math.hypot(...[0, 1].map((axis) => (eyes[2][axis] + eyes[3][axis] - eyes[0][axis] - eyes[1][axis]) / 2));
  let apart = 0;
  for (let k = 17; k < 68; k++) apart += Math.hypot(one[2 * k] - other[2 * k], one[2 * k + 1] - other[2 * k + 1]);
  return apart / 51 < LARGEST_DISAGREEMENT * unit;
}
