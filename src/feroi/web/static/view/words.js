/* What moves in a face and how the head is held, in words: `feroi.report.photos`. */

import { inWords } from "../reader/units.js";

/** Sentences about a face: its Action Units, its head where that is turned, and eyes that are closed. */
export function movementWords({ moves, quality: { pose } }, { units, told_deg: toldDeg }) {
  const strong = inWords(moves.units, units).join(", ") || "no Action Unit clearly";
  const head = headWords(pose, toldDeg);
  const eyes = moves.eyesClosed > 0.5 ? "closed" : "";
  return [`Seen to move: ${strong}.`, head && `The head is ${head}.`, eyes && `The eyes are ${eyes}.`].filter(Boolean);
}

/** Such as "turned to the photo's left by 31°, lowered by 16°"; "" for a head that is held straight. */
export function headWords({ yaw, pitch, roll }, toldDeg) {
  const sides = [
    [yaw, "turned to the photo's left", "turned to the photo's right"],
    [pitch, "lowered", "raised"],
    [roll, "tilted to the left", "tilted to the right"],
  ];
  return angles(sides, toldDeg);
}

function angles(sides, least) {
  const told = sides.filter(([angle]) => Math.abs(angle) >= least);
  return told.map(([angle, before, beyond]) => `${angle > 0 ? beyond : before} by ${Math.abs(angle).toFixed(0)}°`).join(", ");
}
