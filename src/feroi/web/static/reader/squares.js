/* Turned squares of a photo, as networks that look at one face want them: `feroi.photo.squares`.

   A frame is a turned square {x, y, side, roll}: its middle and side in px, roll in radians, clockwise as seen. */

import { crop, reduce, transformed } from "./pixels.js";

const AVERAGED = 4; // pixels a side are averaged at least; of more only some are taken, for time
const REACH = 0.75; // of its side from the middle of a square, a little beyond its corners

/** `frame` of a photo, upright, `size` px wide; black beyond the photo. */
export function cut(photo, frame, size) {
  const [left, right] = reach(frame.x, frame.side, photo.width);
  const [top, bottom] = reach(frame.y, frame.side, photo.height);
  const { channels } = photo;
  if (right <= left || bottom <= top) {
    return { width: size, height: size, channels, data: new Uint8Array(size * size * channels) };
  }
  let [stepX, stepY] = across(frame).map((part) => part / size);
  const whole = Math.max(1, Math.trunc(Math.hypot(stepX, stepY)));
  const stride = Math.max(1, Math.trunc(whole / AVERAGED));
  const shrink = Math.trunc(whole / stride);
  const near = reduce(sampled(crop(photo, left, top, right - left, bottom - top), stride), shrink);
  [stepX, stepY] = [stepX / (stride * shrink), stepY / (stride * shrink)];
  const [sideX, sideY] = [stepX * size, stepY * size];
  const cornerX = ((frame.x - left) / stride + 0.5) / shrink - (sideX - sideY) / 2;
  const cornerY = ((frame.y - top) / stride + 0.5) / shrink - (sideX + sideY) / 2;
  return transformed(near, size, size, [stepX, -stepY, cornerX, stepY, stepX, cornerY]);
}

/** Every `stride`-th pixel of every `stride`-th row. */
function sampled(picture, stride) {
  if (stride === 1) return picture;
  const { channels } = picture;
  const [width, height] = [Math.ceil(picture.width / stride), Math.ceil(picture.height / stride)];
  const data = new Uint8Array(width * height * channels);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (y * stride * picture.width + x * stride) * channels;
      for (let channel = 0; channel < channels; channel++) data[at++] = picture.data[from + channel];
    }
  }
  return { width, height, channels, data };
}

/** The way along the upper side of a frame, left to right, in px. */
export function across({ side, roll }) {
  return [side * Math.cos(roll), side * Math.sin(roll)];
}

/** A place of the photo from one within a frame, whose corners are (0, 0) and (1, 1). */
export function toPhoto(frame, x, y) {
  const [stepX, stepY] = across(frame);
  return [frame.x + stepX * (x - 0.5) - stepY * (y - 0.5), frame.y + stepX * (y - 0.5) + stepY * (x - 0.5)];
}

function reach(place, side, length) {
  return [-1, 1].map((sign) => Math.min(Math.max(Math.floor(place + sign * REACH * side), 0), length));
}
