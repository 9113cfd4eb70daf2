/* One face that was read: a card with its answer, probabilities and regions. */

import { answer, phrase, why } from "../reader/reading.js";
import { bar, make, percent } from "./dom.js";
import { drawFace } from "./heat.js";
import { movementWords } from "./words.js";

/** A card. picture: what the photo is drawn from. onCompare: called when its button is pressed. */
export function faceCard(picture, face, number, id, facts, onCompare) {
  const title = make("h4", {}, make("span", { className: "number" }, String(number)), ` ${answer(face)}, `, percent(face.confidence));
  const compare = make("button", { type: "button", className: "pick", aria: { pressed: "false" } }, "Compare");
  compare.append(make("span", { className: "away" }, ` face ${number}, ${face.expression}`));
  compare.addEventListener("click", () => onCompare(compare));
  return make(
    "div",
    { className: "card", id, tabIndex: -1, aria: { role: "group", label: `Face ${number}: ${answer(face)}, ${percent(face.confidence)}` } },
    make("header", {}, title, compare),
    make(
      "div",
      { className: "sides" },
      drawFace(picture, face, facts.heat, looked(face, number, facts)),
      probabilities(face, facts),
    ),
    ...notes(face, facts),
    regions(face),
    reasons(face, facts),
    movement(face, facts),
    meaning(face, facts),
  );
}

/** What speaks for the answer, in words: `Reading.decided_by`. */
export function looked(face, number, { any_face: lean }) {
  const ofTheFace = why(face).regions.filter(([name]) => name !== lean);
  const decided = ofTheFace.reduce((sum, [, value]) => sum + value, 0) > 0;
  const most = decided ? `, ${ofTheFace[0][0]} most` : ", which does not decide: the network leans to it";
  return `Face ${number} as the network saw it${ofTheFace.length ? `; coloured: what speaks for ${face.expression}${most}` : ""}`;
}

/** Names and gains of the regions, those first that hold most of the region of interest. */
function ranked(face) {
  if (!face.regions) return [];
  const { gains, shares } = face.regions;
  return Object.entries(gains).sort(([a], [b]) => shares[b] - shares[a]);
}

function probabilities(face, { expressions }) {
  const sorted = [...expressions].sort((a, b) => face.probabilities[b] - face.probabilities[a]);
  return make(
    "ul",
    { className: "bars", aria: { label: "Probabilities" } },
    ...sorted.map((name) => {
      const share = face.probabilities[name];
      const kind = face.likely.includes(name) ? "likely" : "";
      return make("li", { className: kind }, make("span", {}, name), bar(share), make("b", {}, percent(share)));
    }),
  );
}

function notes(face, { expressions }) {
  const lines = [];
  if (face.coverage !== null) lines.push(make("p", { className: "phrase" }, "Likely: ", make("b", {}, phrase(face, expressions))));
  if (face.quality.problem) {
    lines.push(make("p", { className: "problem" }, `This face is ${face.quality.problem} to be read well.`));
  }
  return lines;
}

function regions(face) {
  if (!face.regions) return null;
  const rows = ranked(face).map(([name, gain]) => {
    const share = face.regions.shares[name];
    return make(
      "li",
      {},
      make("span", {}, name),
      bar(share, "attention"),
      make("b", {}, percent(share)),
      make("i", {}, `${gain.toFixed(1)}×`),
    );
  });
  const title = make("p", { className: "quiet" }, "Region of interest: share, and times its area");
  return make("div", {}, title, make("ul", { className: "bars regions", aria: { label: "Share of the region of interest on each part of the face" } }, ...rows));
}

/** Which regions speak for the answer rather than the runner-up, and which against it. */
function reasons(face, { told_logits: least }) {
  const { other, regions } = why(face);
  const told = (name, wanted) => {
    const parts = wanted.map(([region, value]) => `${region} +${Math.abs(value).toFixed(1)}`);
    return parts.length ? [`for ${name}: ${parts.join(", ")}`] : [];
  };
  const lines = [
    ...told(face.expression, regions.filter(([, value]) => value >= least)),
    ...told(other, regions.filter(([, value]) => value <= -least).reverse()),
  ];
  const rest = regions.reduce((sum, [, value]) => sum + (Math.abs(value) < least ? value : 0), 0);
  if (!lines.length) lines.push("no part says more than a little for either");
  else if (Math.abs(rest) >= 0.05) lines.push(`the rest ${rest > 0 ? "+" : "−"}${Math.abs(rest).toFixed(1)}`);
  return regions.length ? make("p", { className: "why" }, make("b", {}, `Why ${face.expression} and not ${other}? `), sentence(lines.join("; "))) : null;
}

function sentence(words) {
  return words[0].toUpperCase() + words.slice(1);
}

function movement(face, facts) {
  return make("div", { className: "moves" }, ...movementWords(face, facts).map((line) => make("p", {}, line)));
}

/** What the Facial Action Coding System expects of the expression, beside where the network looked. */
function meaning(face, facts) {
  const actions = facts.table_4[face.expression];
  let text = "Neutral has no Action Units.";
  if (actions) {
    const names = actions.action_units.map((unit) => `${facts.action_units[unit]} (${unit})`);
    text = `Textbook Action Units of ${face.expression}: ${names.join(", ")}; they move ${actions.regions.join(", ")}.`;
    if (face.regions) {
      const sum = (shares) => percent(actions.regions.reduce((total, name) => total + shares[name], 0));
      text += ` ${sum(face.regions.shares)} of the region of interest lies there, on ${sum(face.regions.areas)} of the area.`;
    }
  }
  return make("details", {}, make("summary", {}, "What would be expected"), make("p", {}, text));
}
