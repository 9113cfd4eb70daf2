/* Action Units, gaze and closed eyes from the mesh's coefficients: `feroi.photo.action_units`.

   facts: `facts.units`, {coefficients, index_146, lowest, rows, words, gaze_yaw, gaze_pitch, in_words}. */

const SIDES = ["Left", "Right"];

/** {units, sides, gaze, eyesClosed} of each mesh: strengths 0..1 by Action Unit, of the stronger side and of
    the person's [left, right]; degrees {yaw, pitch}, to the picture's right and upwards; 0..1. */
export async function movements(meshes, { facts: { units: facts }, coefficients }) {
  if (!meshes.length) return [];
  const points = new Float32Array(meshes.length * facts.index_146.length * 2);
  let to = 0;
  for (const mesh of meshes) {
    for (const k of facts.index_146) {
      points[to++] = mesh.points[3 * k];
      points[to++] = mesh.points[3 * k + 1];
    }
  }
  const told = await coefficients(points, meshes.length, facts.index_146.length);
  const count = facts.coefficients.length;
  return meshes.map((_, at) => movementOf(told.subarray(at * count, (at + 1) * count), facts));
}

/** The same of coefficients alone. */
export function movementOf(coefficients, facts) {
  const odds = Object.fromEntries(
    facts.coefficients.map((name, k) => {
      const held = Math.min(Math.max(coefficients[k], facts.lowest), 1 - facts.lowest);
      return [name, Math.log(held / (1 - held))];
    }),
  );
  const [units, sides] = [{}, {}];
  for (const [name, row] of Object.entries(facts.rows)) {
    if (Object.keys(row.weights).some((part) => part.endsWith("_"))) {
      sides[name] = SIDES.map((side) => strength(row, odds, side));
      units[name] = Math.max(...sides[name]);
    } else units[name] = strength(row, odds, "");
  }
  const mean = (more, less) => (sum(more, odds) - sum(less, odds)) / 4;
  return {
    units,
    sides,
    gaze: {
      yaw: between(facts.gaze_yaw, mean(["OutLeft", "InRight"], ["InLeft", "OutRight"])),
      pitch: between(facts.gaze_pitch, mean(["UpLeft", "UpRight"], ["DownLeft", "DownRight"])),
    },
    eyesClosed: Math.min(...SIDES.map((side) => strength(facts.rows.AU43, odds, side))),
  };
}

/** The strongest Action Units as people read them, such as "brows lowered (AU 4) .7"; the strongest first. */
export function inWords(units, { words, in_words: { at_least: least, most } }) {
  return Object.entries(units)
    .sort((a, b) => b[1] - a[1])
    .slice(0, most)
    .filter(([, value]) => value >= least)
    .map(([name, value]) => `${words[name]} (AU ${Number(name.slice(2))}) ${value.toFixed(1).replace(/^0/, "")}`);
}

function strength({ rest, weights }, odds, side) {
  const total = Object.entries(weights).reduce((sum, [name, weight]) => sum + weight * evidence(name, odds, side), rest);
  return 1 / (1 + Math.exp(-total));
}

function evidence(name, odds, side) {
  if (name.endsWith("_")) return odds[name.slice(0, -1) + side];
  return odds[name] ?? (odds[`${name}Left`] + odds[`${name}Right`]) / 2;
}

function sum(ways, odds) {
  return ways.reduce((total, way) => total + odds[`eyeLook${way}`], 0);
}

/** Straight between the places of a curve [xs, ys], level beyond. */
function between([xs, ys], x) {
  if (x <= xs[0]) return ys[0];
  const after = xs.findIndex((place) => place >= x);
  if (after < 0) return ys[ys.length - 1];
  return ys[after - 1] + ((x - xs[after - 1]) / (xs[after] - xs[after - 1])) * (ys[after] - ys[after - 1]);
}
