// node maths.js PAGE < cases.json > answers.json: each case names a function of the page, and what it is given.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const page = pathToFileURL(`${process.argv[2]}/`);
const of = (name) => import(new URL(name, page));
const [pixels, detect, ensemble, landmarks, geometry, prepare, quality, regions, reading, tables] = await Promise.all(
  ["pixels", "detect", "ensemble", "landmarks", "geometry", "prepare", "quality", "regions", "reading"]
    .map((name) => of(`reader/${name}.js`))
    .concat(of("table.js")),
);
const bytes = readFileSync(new URL("models/landmarks-68.bin", page));
const trees = ensemble.unpack(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
const facts = JSON.parse(readFileSync(new URL("models/facts.json", page)));

const known = {
  round: (value) => pixels.round(value),
  intensity: (picture) => pixels.toIntensity(picture),
  crop: (picture, ...place) => pixels.crop(picture, ...place),
  reduce: (picture, across, down) => pixels.reduce(picture, across, down),
  resize: (picture, ...size) => pixels.resize(picture, ...size),
  resizeByGap: (picture, ...size) => pixels.resizeByGap(picture, ...size),
  overlap: (one, other) => detect.overlap(one, other),
  landmarks: (picture, box) => Array.from(landmarks.landmarks(picture, box, trees)),
  prepare: (picture, points, hw) => prepare.prepare(picture, points, hw, facts.framing),
  camera: (points) => geometry.fitCamera(points, facts.landmarks_cm),
  solve: (matrix, right) => geometry.solve(matrix, right),
  part: (curve, value) => quality.part(facts.quality[curve], value),
  sharpness: (picture) => quality.sharpness(picture),
  regions: (points, hw) => regions.regionOfPixels(points, hw),
  project: (map, hw) => Array.from(reading.project(map, hw)),
  phrase: (face) => reading.phrase(face, facts.expressions),
  table: (photos) => tables.table(photos, facts),
};

const revived = (key, value) => (key === "data" ? Uint8Array.from(value) : value);
const whole = (key, value) => (ArrayBuffer.isView(value) ? Array.from(value) : value);
const answers = JSON.parse(readFileSync(0), revived).map(({ call, given }) => {
  try {
    return known[call](...given);
  } catch (error) {
    return { thrown: error.message };
  }
});
process.stdout.write(JSON.stringify(answers, whole));
