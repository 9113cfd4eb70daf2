// node maths.js PAGE < cases.json > answers.json: each case names a function of the page, and what it is given.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const page = pathToFileURL(`${process.argv[2]}/`);
const of = (name) => import(new URL(name, page));
const [pixels, squares, detect, mesh, landmarks, pose, prepare, quality, regions, reading, units, tables, words] = await Promise.all(
  ["pixels", "squares", "detect", "mesh", "landmarks", "pose", "prepare", "quality", "regions", "reading", "units"]
    .map((name) => of(`reader/${name}.js`))
    .concat(of("table.js"), of("view/words.js")),
);
const facts = JSON.parse(readFileSync(new URL("models/facts.json", page)));

const known = {
  round: (value) => pixels.round(value),
  intensity: (picture) => pixels.toIntensity(picture),
  crop: (picture, ...place) => pixels.crop(picture, ...place),
  reduce: (picture, across, down) => pixels.reduce(picture, across, down),
  resize: (picture, ...size) => pixels.resize(picture, ...size),
  resizeByGap: (picture, ...size) => pixels.resizeByGap(picture, ...size),
  quarterTurned: (picture, quarters) => pixels.quarterTurned(picture, quarters),
  rotated: (picture, degrees) => pixels.rotated(picture, degrees),
  cut: (picture, frame, size) => squares.cut(picture, frame, size),
  meshFrame: (face) => detect.meshFrame(face, facts.mesh),
  frameAround: (points) => mesh.frameAround(points, facts.mesh),
  prepare: (picture, points, hw) => prepare.prepare(picture, marked(points), hw, facts.framing),
  quality: (picture, points, hw) => {
    const marks = marked(points);
    return quality.quality(picture, marks, prepare.prepare(picture, marks, hw, facts.framing), facts);
  },
  pose: (points) => pose.headPose(points, facts.mean_mesh),
  part: (curve, value) => quality.part(facts.quality[curve], value),
  sharpness: (picture) => quality.sharpness(picture),
  regions: (points, hw) => regions.regionOfPixels(points, hw),
  project: (map, hw) => Array.from(reading.project(map, hw)),
  regionOfInterest: (map, hw) => Array.from(reading.regionOfInterest(map, hw, facts.smooth)),
  promise: reading.promise,
  phrase: (face) => reading.phrase(face, facts.expressions),
  movement: (coefficients) => units.movementOf(coefficients, facts.units),
  inWords: (strengths) => units.inWords(strengths, facts.units),
  headWords: (pose) => words.headWords(pose, facts.told_deg),
  table: (photos) => tables.table(photos, facts),
};

function marked(points) {
  return landmarks.marked({ points, presence: 0 }, facts.mesh);
}

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
