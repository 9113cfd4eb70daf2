// How long the page takes in Chromium: node benchmarks/page.mjs PAGE CHROMIUM PHOTO... [--film FILM.y4m] [--picture PNG]
//
// Each round is a fresh browser with an empty cache. PAGE is a folder written by `feroi page`.
import { cpus } from "node:os";
import { basename } from "node:path";

import { launch, ready, serve, settled } from "../tests/deliver/page/open.js";

const ROUNDS = 5;
const FRAMES = 60;

const given = process.argv.slice(2);
const option = (name) => {
  const at = given.indexOf(name);
  return at < 0 ? null : given.splice(at, 2)[1];
};
const [film, picture] = [option("--film"), option("--picture")];
const [folder, chromium, ...photos] = given;
const server = await serve(folder);
const times = new Map();
const note = (name, milliseconds) => times.set(name, [...(times.get(name) ?? []), milliseconds]);
let version = "";

for (let round = 0; round < ROUNDS; round++) {
  const browser = await launch(chromium, film);
  version = browser.version();
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const began = performance.now();
  await page.goto(server.url);
  await page.setInputFiles("#files", photos[0]);
  await settled(page, 1);
  note(`first reading, from the address to the faces of ${basename(photos[0])}`, performance.now() - began);
  note("of it until the network is ready", await page.evaluate(() => performance.getEntriesByName("ready")[0].startTime));
  await page.click("#clear");
  for (let again = 0; again < 2; again++) {
    await page.setInputFiles("#files", photos);
    await settled(page, photos.length);
    const read = await page.$$eval("[data-milliseconds]", (all) => all.map(({ dataset }) => Number(dataset.milliseconds)));
    if (again) photos.forEach((photo, at) => note(`${basename(photo)}, once warm`, read[at]));
    if (again && !round && picture) await page.screenshot({ path: picture });
    await page.click("#clear");
  }
  if (film) await watch(page);
  await browser.close();
}
server.close();

console.log(`Chromium ${version}, ${cpus()[0].model}, ${ROUNDS} rounds; median (least to most), ms`);
for (const [name, all] of times) {
  const sorted = [...all].sort((a, b) => a - b);
  const [median, least, most] = [sorted[Math.floor(sorted.length / 2)], sorted[0], sorted.at(-1)];
  console.log(`${name}: ${median.toFixed(0)} (${least.toFixed(0)} to ${most.toFixed(0)})`);
}

/** Frames of the camera, those that are searched apart from those whose faces are followed. */
async function watch(page) {
  await page.click("#open-camera");
  await page.waitForFunction(() => document.getElementById("camera").dataset.searched === "false");
  const seen = await page.evaluate(
    (frames) =>
      new Promise((resolve) => {
        const camera = document.getElementById("camera");
        const read = [];
        new MutationObserver(() => {
          read.push([camera.dataset.searched, Number(camera.dataset.milliseconds), performance.now()]);
          if (read.length === frames) resolve(read);
        }).observe(camera, { attributeFilter: ["data-searched"] });
      }),
    FRAMES,
  );
  for (const [searched, milliseconds] of seen) {
    note(searched === "true" ? "a frame that is searched" : "a frame whose faces are followed", milliseconds);
  }
  note("a frame on the whole, with its drawing", (seen.at(-1)[2] - seen[0][2]) / (FRAMES - 1));
}
