/* Reads pictures beside the page, which stays responsive. Answers {id, ...}; loading is told by {loaded}. */

import * as ort from "./runtime/ort.js";
import { readFaces, readPhoto } from "./reader/reading.js";
import { follow } from "./reader/follow.js";
import { fromRgba } from "./reader/pixels.js";
import { NETWORKS, think } from "./reader/runtime.js";

const FILES = {
  yunet: "models/yunet.onnx",
  mesh: "models/face-mesh.onnx",
  network: "models/network.onnx",
  blendshapes: "models/blendshapes.onnx",
  wasm: "runtime/ort.wasm",
};
const MOST_PIXELS = 16e6; // of a canvas; some telephones allow no more
const LIVE_PX = 320; // of the longer side of a live picture, as it is searched
const FOLLOW_MS = 800; // between searches of a live picture, at least
const FOLLOW_TIMES = 3; // as long as a search took: a slow machine follows more than it searches

const mind = load();
mind.then(
  ({ facts, warm }) => {
    postMessage({ ready: facts });
    warm().catch(() => {}); // who asks for a reading is told the same
  },
  (error) => postMessage({ broken: error.message }),
);
let followed = { until: 0, faces: [] };

self.onmessage = async ({ data: { id, file, frame } }) => {
  try {
    postMessage({ id, found: file ? await readFile(file) : await readFrame(frame) });
  } catch (error) {
    postMessage({ id, failed: error.message });
  }
};

async function load() {
  const facts = await (await fetched("models/facts.json")).json();
  const total = Object.values(FILES).reduce((sum, name) => sum + facts.bytes[name], 0);
  let loaded = 0;
  const whole = async (name) => {
    const bytes = new Uint8Array(facts.bytes[name]);
    const reader = (await fetched(name)).body.getReader();
    let at = 0;
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      bytes.set(part.value, at);
      at += part.value.length;
      loaded += part.value.length;
      postMessage({ loaded: loaded / total });
    }
    return bytes.buffer;
  };
  const parts = await Promise.all(Object.entries(FILES).map(async ([key, name]) => [key, await whole(name)]));
  return think(ort, { facts, ...Object.fromEntries(parts) });
}

async function fetched(name) {
  const answer = await fetch(new URL(name, import.meta.url));
  if (!answer.ok) throw new Error(`${name} could not be fetched (${answer.status})`);
  return answer;
}

/** What is in a file, as `readPhoto` tells it, and the picture's size. */
async function readFile(file) {
  if (!file.size) throw new Error("empty file");
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image", colorSpaceConversion: "none" });
  } catch {
    throw new Error("not a picture that this browser can read");
  }
  const { width, height } = bitmap;
  const shrink = Math.min(1, Math.sqrt(MOST_PIXELS / (width * height)));
  const photo = pixels(bitmap, Math.floor(width * shrink), Math.floor(height * shrink));
  const began = performance.now();
  const found = await readPhoto(photo, await mind);
  return { ...enlarged(plain(found), width / photo.width), width, height, milliseconds: performance.now() - began };
}

/** What is in a picture of the camera; faces are searched now and then, and followed between. */
async function readFrame(bitmap) {
  const began = performance.now();
  const photo = pixels(bitmap, bitmap.width, bitmap.height);
  const thinking = await mind;
  const known = followed.faces.length && began < followed.until ? await follow(photo, followed.faces, thinking) : null;
  const found = known
    ? await readFaces(photo, known, thinking, false)
    : await readPhoto(photo, thinking, live(photo, thinking.facts), false);
  const milliseconds = performance.now() - began;
  const until = began + milliseconds + Math.max(FOLLOW_MS, FOLLOW_TIMES * milliseconds);
  followed = { until: known ? followed.until : until, faces: found.faces };
  return { ...plain(found), width: photo.width, height: photo.height, searched: !known, milliseconds };
}

/** How a live picture is searched: on one level, coarser than photos are. */
function live({ width, height }, { scan }) {
  const scale = Math.min(1, LIVE_PX / Math.max(width, height));
  return { ...scan, finest: scale, whole_pixels: scale ** 2 * width * height };
}

/** RGB of a picture at a size, transparent parts on white; the bitmap is given up. */
function pixels(bitmap, width, height) {
  const canvas = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  canvas.fillStyle = "white";
  canvas.fillRect(0, 0, width, height);
  canvas.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return fromRgba(width, height, canvas.getImageData(0, 0, width, height).data);
}

/** What was found, without what only following needs. */
function plain(found) {
  return { ...found, faces: found.faces.map(({ marks, anchor, ...face }) => face) };
}

/** What was found in a picture that had been shrunk, in px of the picture itself. */
function enlarged(found, times) {
  const long = (values) => values.map((value) => value * times);
  const place = (value) => (value + 0.5) * times - 0.5;
  const crop = ({ corner, step, ...image }) => ({ ...image, corner: corner.map(place), step: long(step) });
  return {
    ...found,
    faces: found.faces.map((face) => ({ ...face, box: long(face.box), crop: crop(face.crop) })),
    refused: found.refused.map((face) => ({ ...face, box: long(face.box) })),
  };
}
