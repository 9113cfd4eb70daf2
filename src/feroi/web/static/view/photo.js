/* One photo: the picture with its faces marked, and a card a face. */

import { answer } from "../reader/reading.js";
import { byId, count, make } from "./dom.js";
import { faceCard } from "./face.js";
import { canvas, drawHeat } from "./heat.js";

const HEAT_PX = 1200; // of the colours' longer side; they are smooth
const FEW = 2; // faces have room beside their photo

/** The article of a photo that is being read. url: of the picture; number: counts photos. */
export function photoArticle(name, url, number) {
  const title = make("h3", { id: `photo-${number}` }, name);
  const state = make("p", { className: "state" }, "Looking for faces");
  const picture = make("img", { src: url, alt: "", decoding: "async" });
  const stage = make("div", { className: "stage waiting" }, picture);
  const article = make("article", { className: "photo", aria: { labelledby: title.id, busy: "true" } });
  article.append(make("header", {}, title, state), stage);
  return { article, stage, picture, state, number };
}

/** Fills in what was found. onCompare: called with a face, its number and its button. */
export async function showFound(shown, found, facts, onCompare) {
  const { article, stage, picture, state, number } = shown;
  stage.classList.remove("waiting");
  article.classList.toggle("few", found.faces.length > 0 && found.faces.length <= FEW);
  state.textContent = found.faces.length ? count(found.faces.length, "face") : found.status;
  await picture.decode();
  picture.alt = `The photo, with ${count(found.faces.length, "face")} marked`;
  const id = (at) => `photo-${number}-face-${at}`;
  const links = found.faces.map((face, at) => {
    const link = boxLink(face, at, found, `#${id(at)}`);
    link.addEventListener("click", (event) => {
      event.preventDefault();
      goTo(byId(id(at)));
    });
    return link;
  });
  stage.append(heatLayer(found, facts.heat), make("div", { className: "boxes" }, ...links));
  const cards = found.faces.map((face, at) =>
    faceCard(picture, face, at, id(at), facts, (button) => onCompare(face, at, button)),
  );
  const refused = found.refused.map(({ reason }) => make("p", { className: "quiet" }, `A face found was not read: ${reason}`));
  article.append(...refused, make("div", { className: "cards" }, ...cards));
  article.dataset.milliseconds = found.milliseconds.toFixed(1);
  article.setAttribute("aria-busy", "false");
}

/** Says that a file could not be read; the others stay. */
export function showFailed({ article, stage, state }, reason) {
  article.setAttribute("aria-busy", "false");
  article.classList.add("failed");
  state.textContent = reason;
  stage.remove();
}

/** The regions of interest of all faces over a picture of this size. */
export function heatLayer({ faces, width, height }, heat) {
  const scale = Math.min(1, HEAT_PX / Math.max(width, height));
  const context = canvas(Math.round(width * scale), Math.round(height * scale));
  context.canvas.className = "heat";
  context.canvas.setAttribute("aria-hidden", "true");
  for (const face of faces) if (face.roi) drawHeat(context, face, heat, scale);
  return context.canvas;
}

/** A face's frame over a picture of a size, in shares of it; a link if it leads somewhere. */
export function boxLink(face, number, { width, height }, href = null) {
  const words = make("span", { className: "word" }, ` ${answer(face)}`);
  const label = make("span", { className: "label" }, String(number), words);
  const box = make(href ? "a" : "span", { className: "box" }, label);
  if (href) {
    box.href = href;
    box.setAttribute("aria-label", `Face ${number}: ${answer(face)}`);
  }
  const [x0, y0, x1, y1] = face.box;
  Object.assign(box.style, {
    left: `${(100 * x0) / width}%`,
    top: `${(100 * y0) / height}%`,
    width: `${(100 * (x1 - x0)) / width}%`,
    height: `${(100 * (y1 - y0)) / height}%`,
  });
  return box;
}

function goTo(card) {
  card.scrollIntoView({ block: "nearest" });
  card.focus({ preventScroll: true });
}
