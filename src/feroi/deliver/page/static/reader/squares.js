/* Turned squares of a photo, as networks that look at one face want them: `feroi.photo.squares`.

   A frame is a turned square {x, y, side, roll}: its middle and side in px, roll in radians, clockwise as seen. */

import { crop, reduce, transformed } from "./pixels.js";

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
  const shrink = Math.max(1, Math.trunc(Math.hypot(stepX, stepY)));
  const near = reduce(crop(photo, left, top, right - left, bottom - top), shrink);
  [stepX, stepY] = [stepX / shrink, stepY / shrink];
  const [sideX, sideY] = [stepX * size, stepY * size];
  const cornerX = (frame.x + 0.5 - left) / shrink - (sideX - sideY) / 2;
  const cornerY = (frame.y + 0.5 - top) / shrink - (sideX + sideY) / 2;
  return transformed(near, size, size, [stepX, -stepY, cornerX, stepY, stepX, cornerY]);
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
