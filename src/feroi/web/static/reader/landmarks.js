/* The points of a face, 478 of the mesh and the 68 of iBUG among them: `feroi.photo.landmarks`.

   The 68 are interleaved, [x0, y0, x1, y1, ...], in px, in the order of iBUG 300-W. */

import { fitMeshes, frameAround } from "./mesh.js";

/** The points of the face in each of some frames of a photo: [{landmarks, mesh, frame}].

    mesh: {points, presence}. frame: the square the mesh is shown the face in. */
export async function locate(photo, frames, mind) {
  const { mesh: facts } = mind.facts;
  const meshes = await fitMeshes(photo, frames, mind);
  const reached = meshes.map(({ points }) => frameAround(points, facts));
  const again = [...frames.keys()].filter((at) => !alike(frames[at], reached[at], facts));
  const refitted = await fitMeshes(photo, again.map((at) => reached[at]), mind);
  again.forEach((at, k) => (meshes[at] = refitted[k]));
  return meshes.map((mesh) => marked(mesh, facts));
}

/** The points that a mesh tells. */
export function marked(mesh, facts) {
  const landmarks = Float64Array.from(facts.index_68.flatMap((k) => [mesh.points[3 * k], mesh.points[3 * k + 1]]));
  return { landmarks, mesh, frame: frameAround(mesh.points, facts) };
}

/** The square around the 68 points that the HOG detector would give for the face turned upright. */
export function frameOf(points, { box_down: boxDown, box_side: boxSide }) {
  const [x, y] = centre(points, 17, 68);
  const [lx, ly] = centre(points, 36, 42);
  const [rx, ry] = centre(points, 42, 48);
  const across = Math.max(Math.hypot(rx - lx, ry - ly), 1e-9);
  const [ux, uy] = [(rx - lx) / across, (ry - ly) / across];
  let squares = 0;
  for (let k = 17; k < 68; k++) squares += (points[2 * k] - x) ** 2 + (points[2 * k + 1] - y) ** 2;
  const spread = Math.sqrt(squares / 51);
  return {
    x: x - uy * boxDown * spread,
    y: y + ux * boxDown * spread,
    side: Math.max(boxSide * spread, 1),
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

function alike(begun, ended, { same_place: place, same_side: side, same_roll_rad: roll }) {
  const turn = ended.roll - begun.roll;
  return (
    Math.hypot(ended.x - begun.x, ended.y - begun.y) < place * begun.side &&
    Math.abs(Math.log(ended.side / begun.side)) < side &&
    Math.abs(turn - 2 * Math.PI * Math.round(turn / (2 * Math.PI))) < roll
  );
}
