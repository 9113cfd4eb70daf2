/* MediaPipe's face mesh, 478 points in three dimensions: `feroi.photo.face_mesh`.

   Points are interleaved, [x0, y0, z0, x1, ...], x and y in px of the photo with pixel centres at whole
   numbers, z as long, away from the camera. */

import { cut, toPhoto } from "./squares.js";

const INPUT_PX = 256;

/** The face in each of some frames of a photo: [{points, presence}], the latter the logit of one being there. */
export async function fitMeshes(photo, frames, { mesh }) {
  const found = [];
  for (const frame of frames) {
    const told = await mesh(planes(cut(photo, frame, INPUT_PX)));
    const points = Float64Array.from(told.points.data);
    for (let k = 0; k < points.length; k += 3) {
      [points[k], points[k + 1]] = toPhoto(frame, points[k] / INPUT_PX, points[k + 1] / INPUT_PX);
      points[k + 2] *= frame.side / INPUT_PX;
    }
    found.push({ points, presence: told.presence.data[0] });
  }
  return found;
}

/** The square a face is shown in: about its points, turned until the eyes are level. */
export function frameAround(points, { frame_side: frameSide, eye_corners: [right, left] }) {
  const way = [points[3 * left] - points[3 * right], points[3 * left + 1] - points[3 * right + 1]];
  const apart = Math.max(Math.hypot(...way), 1e-9);
  const [cos, sin] = way.map((part) => part / apart);
  let [lowX, lowY, highX, highY] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let k = 0; k < points.length; k += 3) {
    const x = cos * points[k] + sin * points[k + 1];
    const y = cos * points[k + 1] - sin * points[k];
    [lowX, highX] = [Math.min(lowX, x), Math.max(highX, x)];
    [lowY, highY] = [Math.min(lowY, y), Math.max(highY, y)];
  }
  const [x, y] = [(lowX + highX) / 2, (lowY + highY) / 2];
  const side = frameSide * Math.max(highX - lowX, highY - lowY, 1);
  return { x: cos * x - sin * y, y: cos * y + sin * x, side, roll: Math.atan2(sin, cos) };
}

function planes({ data }) {
  const size = data.length / 3;
  const values = new Float32Array(data.length);
  for (let channel = 0; channel < 3; channel++) {
    for (let at = 0; at < size; at++) values[channel * size + at] = data[3 * at + channel] / 255;
  }
  return values;
}
