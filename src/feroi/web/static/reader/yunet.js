/* YuNet, a small convolutional face detector: `feroi.photo.yunet`. */

const STRIDES_PX = [8, 16, 32];
const COARSEST_PX = 32;

/** What may be a face in each of some RGB pictures of one size, unordered and many times over.

    least: the lowest score to be told. yunet: the network, as `runtime.js` makes it.
    A candidate is {x, y, width, height, score, eyes}: middle and size in px, (0, 0) being the upper left
    corner of the picture, and the way from the right eye to the left one. */
export async function find(pictures, least, yunet) {
  const [{ width, height }] = pictures;
  const [wide, high] = [width, height].map((side) => Math.ceil(side / COARSEST_PX) * COARSEST_PX);
  const values = new Float32Array(pictures.length * 3 * wide * high);
  const plane = wide * high;
  pictures.forEach(({ data }, at) => {
    for (let row = 0, from = 0; row < height; row++) {
      const first = 3 * at * plane + row * wide;
      for (let to = first; to < first + width; to++, from += 3) {
        values[to] = data[from + 2]; // blue first
        values[to + plane] = data[from + 1];
        values[to + 2 * plane] = data[from];
      }
    }
  });
  const told = await yunet(values, pictures.length, high, wide);
  return pictures.map((_, at) => STRIDES_PX.flatMap((stride) => candidates(told, at, stride, [high, wide], least)));
}

function candidates(told, picture, stride, [high, wide], least) {
  const [cls, obj, bbox, kps] = ["cls", "obj", "bbox", "kps"].map((kind) => told[`${kind}_${stride}`].data);
  const columns = wide / stride;
  const cells = columns * (high / stride);
  const limit = Math.fround(least ** 2);
  const found = [];
  for (let cell = 0, at = picture * cells; cell < cells; cell++, at++) {
    const sure = Math.fround(cls[at] * obj[at]);
    if (sure <= limit) continue;
    const size = [bbox[4 * at + 2], bbox[4 * at + 3]].map((value) => Math.exp(Math.min(value, 10)) * stride);
    found.push({
      x: ((cell % columns) + bbox[4 * at]) * stride,
      y: (Math.floor(cell / columns) + bbox[4 * at + 1]) * stride,
      width: size[0],
      height: size[1],
      score: Math.fround(Math.sqrt(Math.min(sure, 1))),
      eyes: [0, 1].map((axis) => (kps[10 * at + 2 + axis] - kps[10 * at + axis]) * stride),
    });
  }
  return found;
}
