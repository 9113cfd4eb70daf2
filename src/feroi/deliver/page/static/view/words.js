/* What moves in a face, how the head is held and where its eyes look, in words: `feroi.report.photos`. */

import { inWords } from "../reader/units.js";

const AHEAD_DEG = 10; // eyes nearer to straight ahead are not told apart from it

/** Sentences about a face: its Action Units, and its head and eyes where they are turned. */
export function movementWords({ moves, quality: { pose } }, { units, told_deg: toldDeg }) {
  const strong = inWords(moves.units, units).join(", ") || "no Action Unit clearly";
  const head = headWords(pose, toldDeg);
  const eyes = moves.eyesClosed > 0.5 ? "closed" : gazeWords(moves.gaze);
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

/** Such as "turned to the photo's left by 15°"; angles within the head. "" for eyes that look straight ahead. */
export function gazeWords({ yaw, pitch }) {
  const sides = [
    [yaw, "turned to the photo's left", "turned to the photo's right"],
    [pitch, "lowered", "raised"],
  ];
  return angles(sides, AHEAD_DEG);
}

function angles(sides, least) {
  const told = sides.filter(([angle]) => Math.abs(angle) >= least);
  return told.map(([angle, before, beyond]) => `${angle > 0 ? beyond : before} by ${Math.abs(angle).toFixed(0)}°`).join(", ");
}
