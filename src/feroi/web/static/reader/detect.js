/* Where the faces of a photo are: `feroi.photo.detect`, detector yunet. Its measured numbers are
   `facts.detector`.

   Within this module a face is as `yunet.find` tells it, with `roll` in radians once that is known. */

import { fitMeshes } from "./mesh.js";
import { crop, quarterTurned, resizeByGap, rotated, round } from "./pixels.js";
import { cut, toPhoto } from "./squares.js";
import { find } from "./yunet.js";

const QUARTER = Math.PI / 2;
const NEAR_QUARTER = (15 * Math.PI) / 180;
const ROLLS = Array.from({ length: 8 }, (_, eighth) => (eighth * 45 * Math.PI) / 180);

/** Every face of an RGB picture, biggest first: [{box, score, roll}], box [x0, y0, x1, y1] in px, roll in degrees.

    mind: as `runtime.js` makes it. scan: how large the photo is searched, `facts.scan` if not said. */
export async function detect(photo, mind, scan = mind.facts.scan) {
  const found = await search(photo, mind, scan);
  const { tilted_rad: tiltedRad } = mind.facts.detector;
  const tilted = found.length ? found.map(({ roll }) => roll).filter((roll) => Math.abs(roll) > tiltedRad) : [QUARTER];
  let all = found;
  if (2 * tilted.length >= Math.max(found.length, 1)) {
    all = distinct([...(await searchTurned(photo, median(tilted), mind, scan)), ...found], mind.facts.detector);
  }
  return all.map(faceOf).sort((a, b) => area(b.box) - area(a.box));
}

export function area([x0, y0, x1, y1]) {
  return (x1 - x0) * (y1 - y0);
}

/** Where the face mesh looks for the points of a face: a frame as of `squares.js`. */
export function meshFrame({ box: [x0, y0, x1, y1], roll }, { face_share: share, frame_down: frameDown }) {
  const mean = Math.sqrt(area([x0, y0, x1, y1]));
  const radians = (roll * Math.PI) / 180;
  const down = (frameDown / share) * mean;
  return {
    x: (x0 + x1 - 1) / 2 + down * Math.cos(radians + QUARTER),
    y: (y0 + y1 - 1) / 2 + down * Math.sin(radians + QUARTER),
    side: mean / share,
    roll: radians,
  };
}

/** Faces of one pass over a photo. */
async function search(photo, mind, scan) {
  const { detector } = mind.facts;
  const candidates = distinct(await scanned(photo, mind, scan), detector);
  const certain = candidates.filter(({ score }) => score >= detector.certain);
  const doubtful = candidates.filter(({ score }) => score < detector.certain);
  const rows = certain.map((face) => ({ ...face, roll: Math.atan2(face.eyes[1], face.eyes[0]) }));
  const most = doubtful.filter(({ score }) => score > detector.accepted).length + detector.most_doubtful;
  for (const candidate of doubtful.slice(0, most)) {
    const seen = await lookedAgain(photo, candidate, mind);
    if (seen) rows.push(seen);
  }
  return distinct(rows, detector);
}

/** The same, of the photo turned so that faces tilted by `roll` stand upright. */
async function searchTurned(photo, roll, mind, scan) {
  const quarters = round(roll / QUARTER);
  const whole = Math.abs(roll - quarters * QUARTER) < NEAR_QUARTER;
  const turned = whole ? quarterTurned(photo, quarters) : rotated(photo, (roll * 180) / Math.PI);
  const turn = whole ? quarters * QUARTER : roll;
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  return (await search(turned, mind, scan)).map((face) => {
    const [x, y] = [face.x - turned.width / 2, face.y - turned.height / 2];
    return {
      ...face,
      x: x * cos - y * sin + photo.width / 2,
      y: x * sin + y * cos + photo.height / 2,
      roll: face.roll + turn,
    };
  });
}

/** What YuNet sees on each tile of each level. */
async function scanned(photo, mind, scan) {
  const longer = Math.max(photo.width, photo.height);
  let scale = Math.min(1, Math.max(scan.finest, Math.sqrt(scan.whole_pixels / (photo.width * photo.height))));
  if (longer < scan.last_px) scale = Math.min(2, scan.last_px / longer);
  const finest = scale === 1 ? photo : resized(photo, scale);
  const step = scan.tile_px - scan.tile_lap_px;
  const found = [];
  let level = finest;
  for (let shrink = scan.level_step; ; shrink *= scan.level_step) {
    const [wide, high] = [photo.width / level.width, photo.height / level.height];
    for (let top = 0; top < Math.max(1, level.height - scan.tile_lap_px); top += step) {
      for (let left = 0; left < Math.max(1, level.width - scan.tile_lap_px); left += step) {
        const [width, height] = [Math.min(scan.tile_px, level.width - left), Math.min(scan.tile_px, level.height - top)];
        const tile = width === level.width && height === level.height ? level : crop(level, left, top, width, height);
        const [seen] = await find([tile], mind.facts.detector.least, mind.yunet);
        for (const face of seen) {
          if (!uncut(face, tile, left, top, level, scan.cut_margin)) continue;
          found.push({
            x: (face.x + left) * wide,
            y: (face.y + top) * high,
            width: face.width * wide,
            height: face.height * high,
            score: face.score,
            eyes: [face.eyes[0] * wide, face.eyes[1] * high],
          });
        }
      }
    }
    if (Math.max(level.width, level.height) <= scan.last_px) return found;
    level = resized(finest, 1 / shrink);
  }
}

/** Whether a face stays clear of edges at which a tile ends and its level does not. */
function uncut({ x, y, width, height }, tile, left, top, level, margin) {
  const clear = (place, side, corner, length, whole) => {
    const reach = (0.5 + margin) * side;
    return (corner === 0 || place - reach >= 0) && (corner + length >= whole || place + reach <= length);
  };
  return clear(x, width, left, tile.width, level.width) && clear(y, height, top, tile.height, level.height);
}

function resized(picture, scale) {
  const [width, height] = [picture.width, picture.height].map((side) => Math.max(1, round(scale * side)));
  return resizeByGap(picture, width, height, "bilinear");
}

/** A candidate as seen cut out and turned; null if it is no face. */
async function lookedAgain(photo, candidate, mind) {
  const { detector, mesh } = mind.facts;
  const accepted = candidate.score > detector.accepted;
  if (!accepted) {
    if (candidate.width < detector.smallest_px) return null;
    if (!(await turnedViews(photo, candidate, detector.glance, mind))) return null;
  }
  const seen = await turnedViews(photo, candidate, detector.look, mind);
  if (!seen) return accepted ? { ...candidate, roll: 0 } : null;
  if (!accepted) {
    if (seen.score <= detector.accepted_second) return null;
    const [{ presence }] = await fitMeshes(photo, [meshFrame(faceOf(seen), mesh)], mind);
    if (presence <= detector.least_presence) return null;
  }
  return { ...seen, score: Math.max(seen.score, candidate.score) };
}

/** The surest face in eight turns of the square about a candidate; null if YuNet sees none there. */
async function turnedViews(photo, candidate, { side_px: sidePx, face_px: facePx }, mind) {
  const { least, near, sizes } = mind.facts.detector;
  const px = Math.sqrt(candidate.width * candidate.height) / facePx;
  const frames = ROLLS.map((roll) => ({ x: candidate.x - 0.5, y: candidate.y - 0.5, side: px * sidePx, roll }));
  const views = frames.slice(0, 2).map((frame) => cut(photo, frame, sidePx));
  const turned = frames.map((_, at) => quarterTurned(views[at % 2], at >> 1));
  let [best, of] = [null, frames[0]];
  (await find(turned, least, mind.yunet)).forEach((seen, at) => {
    for (const face of seen) {
      const size = Math.sqrt(face.width * face.height) / facePx;
      const apart = Math.hypot(face.x - sidePx / 2, face.y - sidePx / 2) / facePx;
      if (!(apart < near && size > sizes[0] && size < sizes[1])) continue;
      if (!best || face.score > best.score) [best, of] = [face, frames[at]];
    }
  });
  if (!best) return null;
  const [x, y] = toPhoto(of, best.x / sidePx, best.y / sidePx);
  const roll = of.roll + Math.atan2(best.eyes[1], best.eyes[0]);
  return { x: x + 0.5, y: y + 0.5, width: best.width * px, height: best.height * px, score: best.score, roll };
}

/** Of faces that overlap by more than half of the smaller, the one with the highest score. */
function distinct(faces, { same_face_overlap: most }) {
  const kept = [];
  let left = [...faces].sort((a, b) => b.score - a.score);
  while (left.length) {
    const [best, ...rest] = left;
    kept.push(best);
    left = rest.filter((face) => {
      const smaller = Math.min(best.width * best.height, face.width * face.height);
      return shared(best.x, best.width, face.x, face.width) * shared(best.y, best.height, face.y, face.height) <= most * smaller;
    });
  }
  return kept;
}

/** How long two stretches, told by middle and length, lie on each other. */
function shared(one, length, other, otherLength) {
  const low = Math.max(one - length / 2, other - otherLength / 2);
  return Math.max(Math.min(one + length / 2, other + otherLength / 2) - low, 0);
}

/** A face as the rest of the page knows it: the upright box of the turned one's middle and area. */
function faceOf({ x, y, width, height, score, roll }) {
  const [cos, sin] = [Math.cos(roll) ** 2, Math.sin(roll) ** 2];
  const halfX = Math.sqrt(cos * width ** 2 + sin * height ** 2) / 2;
  const halfY = (width * height) / (4 * halfX);
  const degrees = (roll * 180) / Math.PI + 180;
  return { box: [x - halfX, y - halfY, x + halfX, y + halfY], score, roll: degrees - 360 * Math.floor(degrees / 360) - 180 };
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}
