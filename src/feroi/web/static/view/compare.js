/* Two faces side by side. */

import { answer, phrase } from "../reader/reading.js";
import { bar, make, percent } from "./dom.js";
import { looked } from "./face.js";
import { drawFace } from "./heat.js";

/** The content of the comparison. pair: two of {face, number, name, picture}. */
export function comparison(pair, facts) {
  const heads = pair.map(({ face, number, name, picture }) =>
    make(
      "div",
      {},
      drawFace(picture, face, facts.heat, `${name}: ${looked(face, number, facts)}`),
      make("h3", {}, make("span", { className: "number" }, String(number)), ` ${answer(face)}, ${percent(face.confidence)}`),
      make("p", { className: "quiet" }, face.coverage === null ? name : `${name}; likely: ${phrase(face, facts.expressions)}`),
    ),
  );
  const rows = [scale(pair, "Probability", facts.expressions, (face, name) => face.probabilities[name], percent)];
  if (pair.every(({ face }) => face.regions)) {
    const most = Math.max(...pair.flatMap(({ face }) => Object.values(face.regions.gains)));
    const gain = (face, name) => face.regions.gains[name] ?? 0;
    rows.push(scale(pair, "Region of interest, times its area", facts.regions, gain, (value) => `${value.toFixed(1)}×`, most));
  }
  return [make("div", { className: "pair" }, ...heads), ...rows];
}

/** A table with a name in the middle of each row and the two values to its sides. */
function scale(pair, title, names, value, text, most = 1) {
  const head = pair.map(({ number, name }) => make("th", { scope: "col" }, make("span", { className: "away" }, `${name}, face ${number}`)));
  const word = make("th", { scope: "col" }, make("span", { className: "away" }, "of"));
  const rows = names.map((name) => {
    const [left, right] = pair.map(({ face }) => {
      const amount = value(face, name);
      return make("td", {}, make("div", { className: "amount" }, make("b", {}, text(amount)), bar(amount / most)));
    });
    return make("tr", {}, left, make("th", { scope: "row" }, name), right);
  });
  return make(
    "table",
    { className: "scale" },
    make("caption", {}, title),
    make("thead", {}, make("tr", {}, head[0], word, head[1])),
    make("tbody", {}, ...rows),
  );
}
