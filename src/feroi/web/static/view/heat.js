/* Regions of interest as colours: `feroi.report.overlay`. A style sets how strong they are shown. */

const MOST_OPAQUE = 0.9; // twice that of pictures feroi draws, for the middle of the slider
const FADE = 0.2; // of a crop's side, over which the colours fall to nothing
const FACE_PX = 240;

/** Lays a face's region of interest on a canvas whose pixel is 1 / scale of the photo's. */
export function drawHeat(context, face, heat, scale) {
  const { corner, step } = face.crop;
  const [x, y] = step.map((part) => part * scale);
  context.save();
  context.imageSmoothingQuality = "high";
  // canvases measure from the corners of pixels: that of the crop's first one comes to lie half a step before its middle
  context.setTransform(x, y, -y, x, (corner[0] + 0.5) * scale - (x - y) / 2, (corner[1] + 0.5) * scale - (x + y) / 2);
  context.drawImage(coloured(face, heat), 0, 0);
  context.restore();
}

/** The square of a photo that the network saw, and the colours over it: an element that says both in words. */
export function drawFace(picture, face, heat, label) {
  const { width, height, corner, step } = face.crop;
  const size = [FACE_PX, Math.round((FACE_PX * height) / width)];
  const stage = document.createElement("div");
  stage.className = "face";
  stage.setAttribute("role", "img");
  stage.setAttribute("aria-label", label);
  const [below, above] = [canvas(...size), canvas(...size)];
  above.canvas.className = "heat";
  const square = (step[0] ** 2 + step[1] ** 2) / (FACE_PX / width);
  const [x, y] = [step[0] / square, -step[1] / square]; // of the canvas, a px of the photo
  const [left, top] = corner.map((place) => place + 0.5);
  const half = FACE_PX / width / 2;
  below.imageSmoothingQuality = "high";
  below.setTransform(x, y, -y, x, half - x * left + y * top, half - y * left - x * top);
  below.drawImage(picture, 0, 0);
  above.imageSmoothingQuality = "high";
  if (face.roi) above.drawImage(coloured(face, heat), 0, 0, ...size);
  stage.append(below.canvas, above.canvas);
  return stage;
}

export function canvas(width, height) {
  const made = document.createElement("canvas");
  [made.width, made.height] = [width, height];
  return made.getContext("2d");
}

/** A picture of the crop's size: inferno from once to `full` times a uniform map, fading at the border. */
function coloured({ roi, crop: { width, height } }, { colours, full }) {
  const context = canvas(width, height);
  const image = context.createImageData(width, height);
  roi.forEach((times, at) => {
    const inside = fade(at % width, width) * fade(Math.floor(at / width), height);
    const level = Math.min(Math.max(((times - 1) * inside) / (full - 1), 0), 1);
    const place = level * (colours.length - 1);
    const [low, high] = [Math.floor(place), Math.ceil(place)];
    for (let c = 0; c < 3; c++) {
      image.data[4 * at + c] = colours[low][c] + (place - low) * (colours[high][c] - colours[low][c]);
    }
    image.data[4 * at + 3] = 255 * MOST_OPAQUE * level;
  });
  context.putImageData(image, 0, 0);
  return context.canvas;
}

function fade(place, length) {
  const inwards = Math.min(place, length - 1 - place) / (FADE * length);
  return (1 - Math.cos(Math.PI * Math.min(inwards, 1))) / 2;
}
