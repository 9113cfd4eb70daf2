// The page in Chromium, from a server that knows nothing but files and sends no special headers.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { extname, join, normalize } from "node:path";

export const tools = createRequire(new URL("../../../tools/page/package.json", import.meta.url));
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--use-fake-ui-for-media-stream",
  "--use-fake-device-for-media-stream",
];

/** {url, close} of a server of a folder. */
export async function serve(folder) {
  const server = createServer(async ({ url }, answer) => {
    const path = decodeURIComponent(new URL(url, "http://here").pathname);
    const name = join(folder, normalize(path === "/" ? "/index.html" : path));
    try {
      const content = await readFile(name);
      answer.writeHead(200, { "content-type": TYPES[extname(name)] ?? "application/octet-stream" }).end(content);
    } catch {
      answer.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

/** Chromium with a camera that shows a .y4m video. */
export function launch(chromium, video) {
  const args = video ? [...FLAGS, `--use-file-for-fake-video-capture=${video}`] : FLAGS;
  return tools("playwright-core").chromium.launch({ executablePath: chromium, args });
}

export async function ready(page) {
  await page.waitForSelector("#loading", { state: "hidden", timeout: 120_000 });
}

/** Waits until so many files were read, or refused. */
export async function settled(page, files) {
  const done = (count) => document.querySelectorAll('[aria-busy="false"]').length === count;
  await page.waitForFunction(done, files, { timeout: 240_000 });
}
