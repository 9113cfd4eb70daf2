/* Faces of one picture found again in the next, without a search: the camera's way, as `feroi.photo.tracks`. */

import { area } from "./detect.js";
import { centre, marked } from "./landmarks.js";
import { fitMeshes } from "./mesh.js";

/** The faces that were read in the last picture as they are in this one, with their points, `marks`.

    The face mesh looks once, where each of them was. Null if one is lost: no face is there any more, or another's. */
export async function follow(photo, faces, mind) {
  const { following } = mind.facts;
  const meshes = await fitMeshes(photo, faces.map(({ marks }) => marks.frame), mind);
  const found = [];
  for (const [at, mesh] of meshes.entries()) {
    if (!(mesh.presence >= following.present)) return null;
    const marks = marked(mesh, mind.facts.mesh);
    const { anchor } = faces[at];
    const box = carried(anchor.box, anchor.landmarks, marks.landmarks);
    if (found.some((other) => shared(box, other.box) > following.same_place)) return null;
    found.push({ box, score: faces[at].score, roll: (marks.frame.roll * 180) / Math.PI, marks, anchor });
  }
  return found;
}

/** A box moved and scaled as the landmarks were from `before` to `after`. */
function carried([x0, y0, x1, y1], before, after) {
  const [x, y] = centre(before);
  const [thereX, thereY] = centre(after);
  const times = spread(after) / Math.max(spread(before), 1e-9);
  return [thereX + (x0 - x) * times, thereY + (y0 - y) * times, thereX + (x1 - x) * times, thereY + (y1 - y) * times];
}

function spread(points) {
  const middle = centre(points);
  return Math.sqrt(points.reduce((sum, value, k) => sum + (value - middle[k % 2]) ** 2, 0));
}

/** Share of the smaller box that lies in the other. */
function shared(one, other) {
  const reach = (axis) => Math.max(Math.min(one[axis + 2], other[axis + 2]) - Math.max(one[axis], other[axis]), 0);
  return (reach(0) * reach(1)) / Math.min(area(one), area(other));
}
