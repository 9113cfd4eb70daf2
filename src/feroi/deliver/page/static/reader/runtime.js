/* The models in onnxruntime-web, single-threaded, so that no server has to send special headers. */

import { unpack } from "./ensemble.js";

/** All a reading needs, from the files of the folder `models` and onnxruntime-web.

    ort: the module. files: {facts, network, cnn, trees, wasm}, the first an object, the others ArrayBuffers. */
export async function think(ort, files) {
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = files.wasm;
  ort.env.logLevel = "error";
  const open = (model) => ort.InferenceSession.create(new Uint8Array(model), { executionProviders: ["wasm"] });
  const [network, cnn] = [await open(files.network), await open(files.cnn)];
  return {
    facts: files.facts,
    trees: unpack(files.trees),
    async score(values, height, width) {
      const { [cnn.outputNames[0]]: map } = await cnn.run({ photo: new ort.Tensor("float32", values, [1, 3, height, width]) });
      return { values: map.data, height: map.dims[2], width: map.dims[3] };
    },
    async forward(crops, [height, width]) {
      const faces = new Float32Array(crops.length * height * width);
      crops.forEach((crop, at) => faces.set(crop, at * height * width));
      const said = await network.run({ faces: new ort.Tensor("float32", faces, [crops.length, 1, height, width]) });
      return crops.map((_, at) => ({ logits: part(said.logits, at), map: said.attention && mapOf(said.attention, at) }));
    },
  };
}

function part({ data, dims }, at) {
  const size = data.length / dims[0];
  return data.slice(at * size, (at + 1) * size);
}

function mapOf(attention, at) {
  return { values: part(attention, at), height: attention.dims[1], width: attention.dims[2] };
}
