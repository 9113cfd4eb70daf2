/* The camera: faces are read as they come, and a picture can be kept. */

import { answer } from "../reader/reading.js";
import { byId, count, make, percent } from "./dom.js";
import { canvas } from "./heat.js";
import { boxLink, heatLayer } from "./photo.js";

const FRAME_PX = 640; // of the longer side of a picture that is read
const SPEAK_EVERY_MS = 4000; // to screen readers

/** Wires the camera's section. follow: reads a bitmap; keep: takes a file; say: tells people. */
export function cameraSection({ follow, keep, say, facts }) {
  const ids = ["camera", "camera-stage", "video", "camera-note", "camera-spoken"];
  const [section, stage, video, note, spokenNote] = ids.map(byId);
  let stream = null;
  let kept = 0;

  byId("open-camera").addEventListener("click", async () => {
    if (stream) return byId("camera-title").focus();
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user" }, audio: false });
    } catch (error) {
      return say(why(error));
    }
    video.srcObject = stream;
    await video.play();
    section.hidden = false;
    section.scrollIntoView({ block: "start" });
    byId("camera-title").focus({ preventScroll: true });
    watch(stream).catch((error) => say(`The camera's picture could not be read: ${error.message}`));
  });
  byId("close-camera").addEventListener("click", () => {
    for (const track of stream.getTracks()) track.stop();
    stream = video.srcObject = null;
    section.hidden = true;
    clear(stage);
    byId("open-camera").focus();
  });
  byId("keep").addEventListener("click", async () => {
    const context = canvas(video.videoWidth, video.videoHeight);
    context.drawImage(video, 0, 0);
    const blob = await new Promise((resolve) => context.canvas.toBlob(resolve, "image/png"));
    kept += 1;
    keep(new File([blob], `camera ${kept}.png`, { type: "image/png" }));
  });

  async function watch(mine) {
    const told = await facts;
    let spoken = -Infinity;
    note.textContent = "Looking for faces";
    while (stream === mine) {
      const scale = Math.min(1, FRAME_PX / Math.max(video.videoWidth, video.videoHeight));
      const size = { resizeWidth: Math.round(video.videoWidth * scale), resizeHeight: Math.round(video.videoHeight * scale) };
      const found = await follow(await createImageBitmap(video, { ...size, resizeQuality: "medium" }));
      if (stream !== mine) return;
      clear(stage);
      const boxes = found.faces.map((face, at) => boxLink(face, at, found));
      stage.append(heatLayer(found, told.heat), make("div", { className: "boxes", aria: { hidden: "true" } }, ...boxes));
      note.textContent = summary(found);
      section.dataset.milliseconds = found.milliseconds.toFixed(1);
      section.dataset.searched = found.searched;
      if (performance.now() - spoken > SPEAK_EVERY_MS) {
        spoken = performance.now();
        spokenNote.textContent = note.textContent; // unseen: an older answer beside the note would contradict it
      }
      await new Promise(requestAnimationFrame);
    }
  }
}

function clear(stage) {
  for (const layer of stage.querySelectorAll(".heat, .boxes")) layer.remove();
}

function summary({ faces }) {
  if (!faces.length) return "No face in the camera's picture";
  const words = faces.map((face) => `${answer(face)}, ${percent(face.confidence)}`);
  return `${count(faces.length, "face")}: ${words.join("; ")}`;
}

function why({ name }) {
  if (name === "NotAllowedError") return "The camera may not be used: allow it for this page in the browser's settings.";
  if (name === "NotFoundError") return "No camera was found.";
  return "The camera cannot be used here; pages may use it only from https addresses or this machine itself.";
}
