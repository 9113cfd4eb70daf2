/* The models in onnxruntime-web, single-threaded, so that no server has to send special headers. */

export const NETWORKS = ["yunet", "mesh", "network", "blendshapes"];

/** All a reading needs, from the files of the folder `models` and onnxruntime-web.

    ort: the module. files: {facts, wasm} and one by each name of NETWORKS; facts is an object, the others
    ArrayBuffers. Each network is opened when it is first asked, or by `warm`. */
export function think(ort, files) {
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = files.wasm;
  ort.env.logLevel = "error";
  const opened = {};
  const open = (name) => {
    opened[name] ??= ort.InferenceSession.create(new Uint8Array(files[name]), { executionProviders: ["wasm"] });
    return opened[name];
  };
  const ask = async (name, input, values, dims) =>
    (await open(name)).run({ [input]: new ort.Tensor("float32", values, dims) });
  return {
    facts: files.facts,
    async warm() {
      for (const name of NETWORKS) await open(name);
    },
    yunet: (values, pictures, height, width) => ask("yunet", "input", values, [pictures, 3, height, width]),
    mesh: (values) => ask("mesh", "faces", values, [1, 3, Math.sqrt(values.length / 3), Math.sqrt(values.length / 3)]),
    async coefficients(points, meshes, each) {
      return (await ask("blendshapes", "points", points, [meshes, each, 2])).coefficients.data;
    },
    async forward(crops, [height, width]) {
      const faces = new Float32Array(crops.length * height * width);
      crops.forEach((crop, at) => faces.set(crop, at * height * width));
      const said = await ask("network", "faces", faces, [crops.length, 1, height, width]);
      return crops.map((_, at) => ({
        logits: part(said.logits, at),
        map: said.attention && mapOf(said.attention, at),
        evidence: said.evidence && mapOf(said.evidence, at),
      }));
    },
  };
}

function part({ data, dims }, at) {
  const size = data.length / dims[0];
  return data.slice(at * size, (at + 1) * size);
}

/** A map of one face, or its seven maps one behind the other. */
function mapOf(maps, at) {
  const [height, width] = maps.dims.slice(-2);
  return { values: part(maps, at), height, width };
}
