// node browser.js WORK.json > seen.json: the page used as people use it. WORK names the folder of the page, Chromium,
// photos to choose, one to drop and one to paste, a video for the camera, and a folder for what is made.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { basename, join } from "node:path";

import { launch, ready, serve, settled, tools } from "./open.js";

const work = JSON.parse(readFileSync(process.argv[2]));
const axe = readFileSync(tools.resolve("axe-core/axe.min.js"), "utf8");
const server = await serve(work.page);
const browser = await launch(work.chromium, work.video);
const seen = { requests: [], errors: [], status: [] };

let reached = 0; // another server, which nothing may reach
const elsewhere = createServer((_, answer) => {
  reached += 1;
  answer.writeHead(200, { "access-control-allow-origin": "*" }).end();
});
await new Promise((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
const foreign = `http://127.0.0.1:${elsewhere.address().port}/`;

async function open(options) {
  const page = await browser.newPage(options);
  page.on("request", (request) => seen.requests.push(request.url()));
  page.on("pageerror", (error) => seen.errors.push(error.message));
  await page.goto(server.url);
  return page;
}

const focused = (page) =>
  page.evaluate(() => {
    const { activeElement: at } = document;
    return at.id || at.textContent.trim() || at.tagName;
  });
const broken = async (page) => {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document));
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).slice(0, 3).join(" ")}`);
};
const wide = (page) => page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);

// On a desk, in the light.
const desk = await open({ viewport: { width: 1280, height: 900 }, colorScheme: "light", acceptDownloads: true });
seen.emptyBroken = await broken(desk);
await ready(desk);
seen.begins = [];
for (let k = 0; k < 3; k++) {
  await desk.keyboard.press("Tab");
  seen.begins.push(await focused(desk));
}
await desk.setInputFiles("#files", work.photos);
await settled(desk, work.photos.length);
seen.states = await desk.locator("#photos .state").allTextContents();
seen.status.push(await desk.textContent("#status"));
seen.title = await desk.locator(".card h4").first().textContent();
seen.phrase = await desk.locator(".card .phrase").first().textContent();
seen.deskBroken = await broken(desk);
seen.deskWide = await wide(desk);
const [download] = await Promise.all([desk.waitForEvent("download"), desk.click("#download")]);
await download.saveAs(join(work.made, "faces.csv"));
seen.download = download.suggestedFilename();
await desk.screenshot({ path: join(work.made, "desk.png"), fullPage: true });

// By keyboard alone.
await desk.focus("#strength");
await desk.keyboard.press("ArrowRight");
seen.strength = await desk.evaluate(() => getComputedStyle(document.querySelector(".heat")).opacity);
await desk.keyboard.press("Tab");
seen.afterSlider = await focused(desk); // two faces are not chosen yet, so comparing is passed over
await desk.focus(".box");
await desk.keyboard.press("Enter");
seen.cardFocused = await desk.evaluate(() => document.activeElement.className);
for (const at of [0, 1]) {
  await desk.locator(".pick").nth(at).focus();
  await desk.keyboard.press("Space");
}
seen.pressed = await desk.locator('.pick[aria-pressed="true"]').count();
await desk.focus("#compare");
await desk.keyboard.press("Enter");
seen.comparison = await desk.locator("#comparison .scale tbody th").allTextContents();
seen.comparisonBroken = await broken(desk);
await desk.screenshot({ path: join(work.made, "comparison.png") });
await desk.keyboard.press("Escape");
seen.afterComparison = await focused(desk);
await desk.evaluate(() => document.activeElement.blur());
seen.round = [];
while (seen.round.length < 200 && seen.round.at(-1) !== "Licences") { // no trap: the end of the page is reached
  await desk.keyboard.press("Tab");
  seen.round.push(await focused(desk));
}

// Nothing leaves.
const reach = (url) => fetch(url, { mode: "no-cors" }).then(() => "sent", () => "refused");
seen.pageReach = await desk.evaluate(reach, foreign);
seen.workerReach = await desk.workers()[0].evaluate(reach, foreign);

// Dropped and pasted; then everything is removed.
const given = async (kind, path) => {
  const content = readFileSync(path).toString("base64");
  await desk.evaluate(
    ([kind, name, content]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0))], name));
      const event = kind === "drop" ? new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }) : new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true });
      document.body.dispatchEvent(event);
    },
    [kind, basename(path), content],
  );
};
await given("drop", work.drop);
await given("paste", work.paste);
await settled(desk, work.photos.length + 2);
seen.given = (await desk.locator("#photos h3").allTextContents()).slice(-2);
await desk.click("#clear");
seen.cleared = [await desk.locator("#photos article").count(), await focused(desk)];
await desk.close();

// On a telephone, in the dark.
const phone = await open({ viewport: { width: 390, height: 844 }, colorScheme: "dark", deviceScaleFactor: 2, hasTouch: true, isMobile: true });
await ready(phone);
await phone.setInputFiles("#files", work.drop);
await settled(phone, 1);
seen.phoneBroken = await broken(phone);
seen.phoneWide = await wide(phone);
await phone.screenshot({ path: join(work.made, "phone.png"), fullPage: true });
await phone.close();

// The camera.
const live = await open({ viewport: { width: 1280, height: 900 }, colorScheme: "dark" });
await ready(live);
await live.click("#open-camera");
const followed = () => /^1 face: /.test(document.getElementById("camera-note").textContent) && document.getElementById("camera").dataset.searched === "false";
await live.waitForFunction(followed, null, { timeout: 120_000 });
seen.live = await live.textContent("#camera-note");
seen.liveElsewhere = await live.textContent("#status");
seen.liveBroken = await broken(live);
await live.screenshot({ path: join(work.made, "camera.png") });
await live.click("#keep");
await settled(live, 1);
seen.kept = await live.locator("#photos h3, #photos .state").allTextContents();
await live.click("#close-camera");
seen.afterCamera = await focused(live);

await browser.close();
server.close();
elsewhere.close();
process.stdout.write(JSON.stringify({ ...seen, origin: server.url, reached }));
