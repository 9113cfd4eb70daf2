/* From a face in a photo to the crop a network reads, as FER-2013 shows faces: `feroi.photo.prepare`,
   pipeline wild. */

import { frameOf } from "./landmarks.js";
import { crop, resize, round } from "./pixels.js";

const PIXELS_PER_SAMPLE = 1.5;
const MARGIN_PX = 8;

/** The loose square round a face of an intensity picture: {image, points, left, top, px}.

    points: landmarks in px of the photo. framing: what FER-2013's squares are, {enlarge, rise}.
    The image's first pixel has its corner at (left, top) of the photo and is px of its pixels wide;
    points come back in px of the image. Throws RangeError for a square that is nowhere on the photo. */
export function prepare(intensity, points, [height, width], framing) {
  const face = frameOf(points);
  const px = (framing.enlarge * face.side) / Math.max(height, width);
  const left = face.x + 0.5 - (px * width) / 2;
  const top = face.y - framing.rise * face.side + 0.5 - (px * height) / 2;
  if (left >= intensity.width || top >= intensity.height || left + px * width <= 0 || top + px * height <= 0) {
    throw new RangeError("what was taken for a face lies outside the photo");
  }
  const places = (first, count) => Float64Array.from({ length: count }, (_, at) => first + (at + 0.5) * px - 0.5);
  const image = sample(intensity, places(left, width), places(top, height), px);
  const inImage = points.map((value, k) => (value + 0.5 - (k % 2 ? top : left)) / px - 0.5);
  return { image, points: inImage, left, top, px };
}

/** The middle of a crop, as the network is shown it. */
export function middle(prepared, [height, width]) {
  const { image, px } = prepared;
  const top = Math.floor((image.height - height) / 2);
  const left = Math.floor((image.width - width) / 2);
  return {
    image: crop(image, left, top, width, height),
    points: prepared.points.map((value, k) => value - (k % 2 ? top : left)),
    left: prepared.left + left * px,
    top: prepared.top + top * px,
    px,
  };
}

/** A picture at columns xs and rows ys, px apart; its border goes on beyond. `feroi.photo.warp`. */
function sample(picture, xs, ys, px) {
  const x = xs.map((value) => Math.min(Math.max(value, 0), picture.width - 1));
  const y = ys.map((value) => Math.min(Math.max(value, 0), picture.height - 1));
  const [left, right] = reach(x, picture.width);
  const [top, bottom] = reach(y, picture.height);
  const region = crop(picture, left, top, right - left, bottom - top);
  const factor = Math.max(px / PIXELS_PER_SAMPLE, 1);
  const [width, height] = [region.width, region.height].map((side) => Math.max(round(side / factor), 1));
  const shrunk = resize(region, width, height, "bicubic");
  const columns = x.map((value) => rescaled(value - left, width, region.width));
  const rows = y.map((value) => rescaled(value - top, height, region.height));
  const data = new Uint8Array(xs.length * ys.length);
  rows.forEach((row, i) => {
    columns.forEach((column, j) => {
      data[i * xs.length + j] = Math.fround(between(shrunk, column, row)) + 0.5;
    });
  });
  return { width: xs.length, height: ys.length, channels: 1, data };
}

/** First and end of the pixels needed along a side, with room for the filter that shrinks. */
function reach(places, length) {
  const first = Math.max(Math.trunc(places[0]) - MARGIN_PX, 0);
  return [first, Math.min(Math.trunc(places[places.length - 1]) + MARGIN_PX + 2, length)];
}

function rescaled(place, length, original) {
  return length === original ? place : (place + 0.5) * (length / original) - 0.5;
}

function between({ width, height, data }, x, y) {
  x = Math.min(Math.max(x, 0), width - 1);
  y = Math.min(Math.max(y, 0), height - 1);
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const right = Math.min(left + 1, width - 1);
  const below = Math.min(top + 1, height - 1) * width;
  const upper = (1 - x + left) * data[top * width + left] + (x - left) * data[top * width + right];
  const lower = (1 - x + left) * data[below + left] + (x - left) * data[below + right];
  return (1 - y + top) * upper + (y - top) * lower;
}
