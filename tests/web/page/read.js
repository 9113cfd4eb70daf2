// node read.js PAGE PHOTOS.json: what the page reads in raw pixels; PHOTOS lists {rgb, width, height}.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, photos] = process.argv.slice(2);
const page = pathToFileURL(`${folder}/`);
const ort = await import(new URL("runtime/ort.js", page));
const { think } = await import(new URL("reader/runtime.js", page));
const { readPhoto } = await import(new URL("reader/reading.js", page));
const bytes = (name) => {
  const content = readFileSync(new URL(name, page));
  return content.buffer.slice(content.byteOffset, content.byteOffset + content.length);
};
const mind = think(ort, {
  facts: JSON.parse(readFileSync(new URL("models/facts.json", page))),
  yunet: bytes("models/yunet.onnx"),
  mesh: bytes("models/face-mesh.onnx"),
  network: bytes("models/network.onnx"),
  blendshapes: bytes("models/blendshapes.onnx"),
  wasm: bytes("runtime/ort.wasm"),
});
const found = [];
for (const { rgb, width, height } of JSON.parse(readFileSync(photos))) {
  found.push(await readPhoto({ width, height, channels: 3, data: new Uint8Array(readFileSync(rgb)) }, mind));
}
process.stdout.write(JSON.stringify(found, (key, value) => (ArrayBuffer.isView(value) ? Array.from(value) : value)));
