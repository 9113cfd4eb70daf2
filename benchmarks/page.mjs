// How long the page takes in Chromium: node benchmarks/page.mjs PAGE CHROMIUM PHOTO... [--video VIDEO.y4m] [--picture PNG] [--rounds N]
//
// Each round is a fresh browser with an empty cache. PAGE is a folder written by `feroi page`. Processor time is that of
// the page's process, its worker and compilers included: on a busy machine it says more than the clock.
import { cpus, loadavg } from "node:os";
import { basename } from "node:path";

import { launch, ready, serve, settled } from "../tests/web/page/open.js";

const FRAMES = 60;

const given = process.argv.slice(2);
const option = (name) => {
  const at = given.indexOf(name);
  return at < 0 ? null : given.splice(at, 2)[1];
};
const [video, picture] = [option("--video"), option("--picture")];
const rounds = Number(option("--rounds") ?? 5);
const [folder, chromium, ...photos] = given;
const server = await serve(folder);
const times = new Map();
const note = (name, milliseconds) => times.set(name, [...(times.get(name) ?? []), milliseconds]);
let version = "";

for (let round = 0; round < rounds; round++) {
  const browser = await launch(chromium, video);
  version = browser.version();
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const busy = await processorTime(browser);
  const [began, spent] = [performance.now(), await busy()];
  await page.goto(server.url);
  await page.setInputFiles("#files", photos[0]);
  await settled(page, 1);
  note(`first reading, from the address to the faces of ${basename(photos[0])}`, performance.now() - began);
  note("of the first reading, processor time", (await busy()) - spent);
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
  if (video) await watch(page, busy);
  await browser.close();
}
server.close();

console.log(`Chromium ${version}, ${cpus()[0].model}, ${rounds} rounds, load ${loadavg()[0].toFixed(1)}; median (least to most), ms`);
for (const [name, all] of times) {
  const sorted = [...all].sort((a, b) => a - b);
  const [median, least, most] = [sorted[Math.floor(sorted.length / 2)], sorted[0], sorted.at(-1)];
  console.log(`${name}: ${median.toFixed(0)} (${least.toFixed(0)} to ${most.toFixed(0)})`);
}

/** Frames of the camera, those that are searched apart from those whose faces are followed. */
async function watch(page, busy) {
  await page.click("#open-camera");
  await page.waitForFunction(() => document.getElementById("camera").dataset.searched === "false");
  const before = await busy();
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
  note("of a frame on the whole, processor time", ((await busy()) - before) / FRAMES);
}

/** A function that promises the processor time in ms that processes of pages have taken. */
async function processorTime(browser) {
  const session = await browser.newBrowserCDPSession();
  return async () => {
    const { processInfo } = await session.send("SystemInfo.getProcessInfo");
    return 1000 * processInfo.filter(({ type }) => type === "renderer").reduce((sum, { cpuTime }) => sum + cpuTime, 0);
  };
}
