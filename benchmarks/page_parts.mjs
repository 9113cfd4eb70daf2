// Processor time of the page's parts, in Node: node benchmarks/page_parts.mjs PAGE RGB WIDTH HEIGHT
//
// RGB is a file of raw pixels, say a frame of the camera. PAGE is a folder written by `feroi page`. Processor time
// counts less of what else the machine does than time on the clock, but not nothing.
import { readFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { pathToFileURL } from "node:url";

const TIMES = 40;

const [folder, rgb, width, height] = process.argv.slice(2);
const page = pathToFileURL(`${folder}/`);
const ort = await import(new URL("runtime/ort.js", page));
const of = (name) => import(new URL(`reader/${name}.js`, page));
const { NETWORKS, think } = await of("runtime");
const { readFaces, readPhoto } = await of("reading");
const { follow } = await of("follow");
const bytes = (name) => {
  const content = readFileSync(new URL(name, page));
  return content.buffer.slice(content.byteOffset, content.byteOffset + content.length);
};
const files = { yunet: "yunet", mesh: "face-mesh", network: "network", blendshapes: "blendshapes" };
const spent = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
const began = spent();
const mind = think(ort, {
  facts: JSON.parse(readFileSync(new URL("models/facts.json", page))),
  wasm: bytes("runtime/ort.wasm"),
  ...Object.fromEntries(NETWORKS.map((name) => [name, bytes(`models/${files[name]}.onnx`)])),
});
await mind.warm();
console.log(`${cpus()[0].model}, load ${loadavg()[0].toFixed(1)}; processor time, ms: median of ${TIMES} (least)`);
console.log(`opening all networks: ${(spent() - began).toFixed(0)}`);

const photo = { width: Number(width), height: Number(height), channels: 3, data: new Uint8Array(readFileSync(rgb)) };
const scale = 320 / Math.max(photo.width, photo.height);
const live = { ...mind.facts.scan, finest: scale, whole_pixels: scale ** 2 * photo.width * photo.height };
const { faces } = await readPhoto(photo, mind);
const views = { yunet: new Float32Array(3 * 320 * 256), mesh: new Float32Array(3 * 256 * 256), network: new Float32Array(48 * 48) };
await timed("reading it as a photo", () => readPhoto(photo, mind));
await timed("searching it as a frame of the camera", () => readPhoto(photo, mind, live, false));
await timed("following its faces", async () => readFaces(photo, await follow(photo, faces, mind), mind, false));
await timed("YuNet alone, 320x256", () => mind.yunet(views.yunet, 1, 256, 320));
await timed("face mesh alone, one face", () => mind.mesh(views.mesh));
await timed("network alone, one crop", () => mind.forward([views.network], [48, 48]));

async function timed(name, run) {
  const times = [];
  for (let k = 0; k < TIMES; k++) {
    const began = spent();
    await run();
    times.push(spent() - began);
  }
  times.sort((a, b) => a - b);
  console.log(`${name}: ${times[TIMES / 2].toFixed(0)} (${times[0].toFixed(0)})`);
}
