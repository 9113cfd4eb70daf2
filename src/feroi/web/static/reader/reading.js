/* Photos to readings: find every face, prepare it, read it, say where the network looked. `feroi.reading`. */

import { detect, meshFrame } from "./detect.js";
import { locate } from "./landmarks.js";
import { toIntensity } from "./pixels.js";
import { middle, prepare } from "./prepare.js";
import { quality } from "./quality.js";
import { regionShares, regionSums } from "./regions.js";
import { movements } from "./units.js";

/** What is read in a picture: {status, faces, refused}, faces biggest first.

    mind: as `runtime.js` makes it. scan: as for `detect`. inDepth: as for `readFaces`. */
export async function readPhoto(photo, mind, scan = mind.facts.scan, inDepth = true) {
  const found = await detect(photo, mind, scan);
  const marks = await locate(photo, found.map((face) => meshFrame(face, mind.facts.mesh)), mind);
  return readFaces(photo, found.map((face, at) => ({ ...face, marks: marks[at] })), mind, inDepth);
}

/** The same for faces that are known, with their points: [{box, score, roll, marks}].

    inDepth: also tell Action Units and the attention on regions, which take as long as the network. */
export async function readFaces(photo, found, mind, inDepth = true) {
  const intensity = toIntensity(photo);
  const [prepared, refused] = [[], []];
  for (const face of found) {
    try {
      const crop = prepare(intensity, face.marks, mind.facts.network.stored_hw, mind.facts.framing);
      const shownWell = quality(intensity, face.marks, crop, mind.facts);
      prepared.push({ face, shownWell, crop: middle(crop, mind.facts.network.input_hw) });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      refused.push({ box: face.box, score: face.score, reason: error.message });
    }
  }
  const looks = await look(prepared.map(({ crop }) => crop.image), mind);
  const moves = inDepth ? await movements(prepared.map(({ face }) => face.marks.mesh), mind) : [];
  const faces = prepared.map((one, at) => ({
    ...reading(one, looks[at], mind.facts, inDepth),
    moves: moves[at] ?? null,
  }));
  const status = faces.length ? "ok" : refused.length ? "no face to read" : "no face";
  return { status, faces, refused };
}

/** What the probabilities are worth, in words. */
export function promise({ coverage, trained_on: trainedOn }) {
  if (coverage === null) return "The network is not calibrated: its probabilities are not promised to be honest.";
  const share = `${(100 * coverage).toFixed(0)} %`;
  const promised = `The right expression is among those called likely for ${share} of faces like those it was calibrated on.`;
  return trainedOn ? `${promised} ${trainedOn} of those were trained on, so on new faces it is fewer.` : promised;
}

/** The expressions in words: `Reading.phrase`. */
export function phrase({ expression, confidence, likely, coverage }, expressions) {
  if (coverage === null) return answer({ expression, confidence });
  const promise = `(${(100 * coverage).toFixed(0)} %)`;
  return likely.length === expressions.length ? `any of the seven ${promise}` : `${likely.join(" or ")} ${promise}`;
}

/** The expression, with a question mark if its probability is below one half: `Reading.answer`. */
export function answer({ expression, confidence }) {
  return confidence >= 0.5 ? expression : `${expression}?`;
}

/** Logits, map and evidence of each crop, averaged with its mirror image's and divided as the calibration says. */
async function look(images, { facts, forward }) {
  if (!images.length) return [];
  const { mirror, temperature } = facts.calibration;
  const straight = await forward(images.map(values), facts.network.input_hw);
  const divided = (maps) => maps && { ...maps, values: maps.values.map((x) => x / temperature) };
  if (!mirror) {
    return straight.map(({ logits, map, evidence }) => {
      return { logits: logits.map((x) => x / temperature), map, evidence: divided(evidence) };
    });
  }
  const mirrored = await forward(images.map((image) => flipped(values(image), image.width)), facts.network.input_hw);
  return straight.map(({ logits, map, evidence }, at) => {
    const other = mirrored[at];
    return {
      logits: logits.map((x, k) => (x + other.logits[k]) / 2 / temperature),
      map: meanMap(map, other.map),
      evidence: divided(meanMap(evidence, other.evidence)),
    };
  });
}

/** The mean of a map, or several, and what was made of the mirror image. */
function meanMap(maps, mirrored) {
  if (!maps) return maps;
  const back = flipped(mirrored.values, maps.width);
  return { ...maps, values: maps.values.map((x, k) => (x + back[k]) / 2) };
}

function values(image) {
  return Float32Array.from(image.data, (value) => value / 255);
}

function flipped(rows, width) {
  return rows.map((_, at) => rows[at - (at % width) + width - 1 - (at % width)]);
}

function reading({ face, shownWell, crop }, { logits, map, evidence }, facts, inDepth) {
  const shares = softmax(logits);
  const ranked = [...shares.keys()].sort((a, b) => shares[b] - shares[a]);
  const { coverage, threshold } = facts.calibration;
  const likely = coverage === null ? [] : ranked.filter((at, rank) => !rank || shares[at] >= threshold);
  const hw = facts.network.input_hw;
  const roi = evidence ? regionOfInterest(ofExpression(evidence, ranked[0]), hw, facts.smooth) : map && project(map, hw);
  const mean = logits.reduce((a, b) => a + b, 0) / logits.length;
  const sums = (at) => {
    const map = ofExpression(evidence, at);
    const anyFace = logits[at] - mean - map.values.reduce((a, b) => a + b, 0);
    return { ...regionSums(map, crop.points, hw, facts.regions), [facts.any_face]: anyFace };
  };
  return {
    expression: facts.expressions[ranked[0]],
    confidence: shares[ranked[0]],
    probabilities: Object.fromEntries(facts.expressions.map((name, at) => [name, shares[at]])),
    likely: likely.map((at) => facts.expressions[at]),
    coverage,
    box: face.box,
    score: face.score,
    roll: face.roll,
    marks: face.marks,
    anchor: face.anchor ?? { box: face.box, landmarks: face.marks.landmarks },
    crop: { ...crop.image, corner: crop.corner, step: crop.step },
    roi,
    evidence: evidence && inDepth ? Object.fromEntries(facts.expressions.map((name, at) => [name, sums(at)])) : null,
    regions: roi && inDepth ? regionShares(roi, crop.points, hw, facts.regions) : null,
    quality: shownWell,
  };
}

function softmax(logits) {
  const most = Math.max(...logits);
  const powers = Array.from(logits, (x) => Math.exp(x - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/** One of the maps of evidence, by the number of its expression. */
function ofExpression({ values, height, width }, at) {
  return { values: values.slice(at * height * width, (at + 1) * height * width), height, width };
}

/** What each region says for the answer rather than another expression: `Reading.why`. */
export function why({ expression, probabilities, evidence }) {
  const [, other] = Object.keys(probabilities).sort((a, b) => probabilities[b] - probabilities[a]);
  if (!evidence) return { other, regions: [] };
  const [mine, theirs] = [evidence[expression], evidence[other]];
  const regions = Object.keys(mine).map((name) => [name, mine[name] - theirs[name]]);
  return { other, regions: regions.sort((a, b) => b[1] - a[1]) };
}

/** Where the evidence for an answer lies, in multiples of a uniform map: `feroi.explain.roi.region_of_interest`.

    smooth: standard deviation of the smoothing, as a share of each side. */
export function regionOfInterest(map, [height, width], smooth) {
  const made = smoothed(project(map, [height, width]), [height, width], smooth).map((value) => Math.max(value, 0));
  const mean = made.reduce((a, b) => a + b, 0) / made.length;
  return made.map((value) => (mean > 0 ? value / mean : 1));
}

function smoothed(values, [height, width], smooth) {
  const [down, across] = [gaussians(height, smooth), gaussians(width, smooth)];
  const rows = new Float32Array(values.length);
  const made = new Float32Array(values.length);
  for (let i = 0; i < height; i++) {
    for (let j = 0; j < width; j++) across[j].forEach((weight, k) => (rows[i * width + j] += weight * values[i * width + k]));
  }
  for (let i = 0; i < height; i++) {
    down[i].forEach((weight, k) => {
      for (let j = 0; j < width; j++) made[i * width + j] += weight * rows[k * width + j];
    });
  }
  return made;
}

/** For each pixel along a side the weights of all, summing to 1. */
function gaussians(pixels, smooth) {
  return Array.from({ length: pixels }, (_, at) => {
    const weights = Array.from({ length: pixels }, (_, k) => Math.exp(-(((at - k) / (smooth * pixels)) ** 2) / 2));
    const sum = weights.reduce((a, b) => a + b, 0);
    return weights.map((weight) => weight / sum);
  });
}

/** A map on the pixels of the input, in multiples of a uniform one: `feroi.explain.roi.project`. */
export function project(map, [height, width]) {
  const rows = places(map.height, height);
  const columns = places(map.width, width);
  const made = new Float32Array(height * width);
  rows.forEach(([top, down], i) => {
    columns.forEach(([left, right], j) => {
      const at = (y, x) => map.values[Math.min(y, map.height - 1) * map.width + Math.min(x, map.width - 1)];
      const upper = (1 - right) * at(top, left) + right * at(top, left + 1);
      const lower = (1 - right) * at(top + 1, left) + right * at(top + 1, left + 1);
      made[i * width + j] = map.height * map.width * ((1 - down) * upper + down * lower);
    });
  });
  return made;
}

/** For each pixel along a side the location before it and how far it is to the next. */
function places(locations, pixels) {
  return Array.from({ length: pixels }, (_, at) => {
    const place = Math.min(Math.max(((at + 0.5) * locations) / pixels - 0.5, 0), locations - 1);
    return [Math.floor(place), place - Math.floor(place)];
  });
}
