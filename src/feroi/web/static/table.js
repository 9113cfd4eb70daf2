/* Readings as the table that `feroi analyze --csv` writes: `feroi.report.tables`. */

/** The table as text. photos: {name, status, faces, refused}; columns and expressions as in the facts. */
export function table(photos, { columns, regions }) {
  const lines = photos.flatMap((photo) => rows(photo, regions));
  return [columns, ...lines.map((row) => columns.map((name) => row[name] ?? ""))]
    .map((line) => `${line.map(quoted).join(",")}\r\n`)
    .join("");
}

function rows({ name, status, faces, refused }, regions) {
  if (!faces.length && !refused.length) return [{ file: name, status }];
  return [
    ...faces.map((face, number) => ({
      file: name,
      status,
      face: number,
      expression: face.expression,
      confidence: six(face.confidence),
      likely: face.likely.join("|"),
      ...place(face),
      quality: six(face.quality.score),
      quality_problem: face.quality.problem,
      ...Object.fromEntries(Object.entries(face.probabilities).map(([word, value]) => [word, six(value)])),
      ...Object.fromEntries(Object.entries(face.moves.units).map(([word, value]) => [word, six(value)])),
      ...angles("", face.quality.pose),
      ...angles("gaze_", face.moves.gaze),
      ...Object.fromEntries(face.regions ? regions.map((word) => [`roi_${word}`, six(face.regions.shares[word])]) : []),
    })),
    ...refused.map((face) => ({ file: name, status: face.reason, ...place(face) })),
  ];
}

function angles(of, told) {
  return Object.fromEntries(Object.entries(told).map(([name, angle]) => [`${of}${name}_deg`, Number(angle.toFixed(1))]));
}

function place({ box, score }) {
  const [x0, y0, x1, y1] = box.map((value) => Number(value.toFixed(1)));
  return { x0, y0, x1, y1, score: six(score) };
}

function six(value) {
  return Number(value.toFixed(6));
}

function quoted(value) {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
