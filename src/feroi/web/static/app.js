/* The page: takes photos, has them read one by one, shows what was found. */

import { connect } from "./client.js";
import { promise } from "./reader/reading.js";
import { table } from "./table.js";
import { cameraSection } from "./view/camera.js";
import { comparison } from "./view/compare.js";
import { byId, count } from "./view/dom.js";
import { photoArticle, showFailed, showFound } from "./view/photo.js";

const photos = []; // {name, status, faces, refused, url}, in the order they were given
let picked = []; // faces to compare: {face, number, name, picture, button}
let given = 0;
let turn = Promise.resolve(); // photos are read one after the other

const reader = connect((share) => (byId("loaded").value = share));
reader.ready.then(
  (facts) => {
    performance.mark("ready");
    byId("loading").hidden = true;
    byId("version").textContent = `feroi ${facts.version}, network ${facts.network.name}.`;
    byId("promise").textContent = promise(facts.calibration);
  },
  (error) => {
    byId("loading").hidden = true;
    say(`The network could not be loaded: ${error.message}. Load the page again, or see whether its folder is complete.`);
  },
);

function say(text) {
  byId("status").textContent = text;
}

function take(files) {
  if (!files.length) return;
  byId("results").hidden = false;
  say(`Reading ${count(files.length, "file")}`);
  const first = given;
  for (const file of files) {
    const url = URL.createObjectURL(file);
    const photo = { name: file.name, status: "", faces: [], refused: [], url };
    const shown = photoArticle(file.name, url, given++);
    photos.push(photo);
    byId("photos").append(shown.article);
    turn = turn.then(() => read(file, photo, shown));
  }
  byId(`photo-${first}`).scrollIntoView({ block: "start" });
}

async function read(file, photo, shown) {
  if (!photos.includes(photo)) return; // removed while it waited
  try {
    const found = await reader.read(file);
    if (!photos.includes(photo)) return;
    await showFound(shown, found, await reader.ready, (face, number, button) =>
      pick({ face, number, name: photo.name, picture: shown.picture, button }),
    );
    Object.assign(photo, found);
    const words = found.faces.map(({ expression }) => expression).join(", ");
    say(`${photo.name}: ${found.faces.length ? `${count(found.faces.length, "face")}, ${words}` : found.status}`);
  } catch (error) {
    if (!photos.includes(photo)) return;
    photo.status = error.message;
    showFailed(shown, error.message);
    say(`${photo.name}: ${error.message}`);
  }
}

function pick(chosen) {
  const before = picked.length;
  picked = picked.filter(({ button }) => button !== chosen.button);
  if (picked.length === before) picked = [...picked.slice(-1), chosen];
  for (const button of document.querySelectorAll(".pick")) {
    button.setAttribute("aria-pressed", String(picked.some((one) => one.button === button)));
  }
  byId("compare").disabled = picked.length < 2;
  if (picked.length === 1) say("One face chosen; choose another to compare it with.");
  if (picked.length === 2) say("Two faces chosen: Compare two faces shows them side by side.");
}

byId("compare").addEventListener("click", async () => {
  byId("comparison-body").replaceChildren(...comparison(picked, await reader.ready));
  byId("comparison").showModal();
});
byId("close-comparison").addEventListener("click", () => byId("comparison").close());

byId("choose").addEventListener("click", () => byId("files").click());
byId("files").addEventListener("change", ({ target }) => {
  take([...target.files]);
  target.value = "";
});
document.addEventListener("paste", ({ clipboardData }) => take([...clipboardData.files]));
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dragged");
});
document.addEventListener("dragleave", ({ relatedTarget }) => {
  if (!relatedTarget) document.body.classList.remove("dragged");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dragged");
  take([...event.dataTransfer.files]);
});

byId("strength").addEventListener("input", ({ target }) => {
  document.documentElement.style.setProperty("--strength", String(target.value / 100));
  byId("strength-value").textContent = `${target.value} %`;
});

byId("download").addEventListener("click", async () => {
  const text = table(photos.filter(({ status }) => status), await reader.ready);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = "faces.csv";
  link.click();
  URL.revokeObjectURL(link.href);
  say("The table was saved as faces.csv.");
});

byId("clear").addEventListener("click", () => {
  for (const { url } of photos) URL.revokeObjectURL(url);
  photos.length = 0;
  picked = [];
  byId("compare").disabled = true;
  byId("photos").replaceChildren();
  byId("results").hidden = true;
  say("All photos were removed.");
  byId("choose").focus();
});

cameraSection({ follow: reader.follow, keep: (file) => take([file]), say, facts: reader.ready });
