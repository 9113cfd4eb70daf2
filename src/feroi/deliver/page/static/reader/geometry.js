/* The pose of a face from its landmarks: `feroi.photo.geometry`. Matrices are arrays of rows. */

// How far each landmark is trusted: jaw, brows, nose and eyes, mouth.
const TRUST = [17, 10, 21, 20].flatMap((count, part) => Array(count).fill([0.3, 0.3, 1, 0.3][part]));
const OUTLIER_SHARE = 0.02;
const ITERATIONS = 10;
const SETTLED = 1e-4;
const LONGEST_STEP = 0.5;
const SMALLEST_SPREAD_PX = 1e-3;

/** The weak perspective view of the generic face that best explains landmarks: {rotation, scale, shift, yawDeg}.

    points: interleaved px. faceCm: the generic face's landmarks, 68 of [x, y, z].
    Throws RangeError for landmarks that are no face. */
export function fitCamera(points, faceCm) {
  const seen = faceCm.map((_, k) => [points[2 * k], points[2 * k + 1]]);
  check(seen);
  let camera = linearCamera(faceCm, seen);
  const outlierPx = OUTLIER_SHARE * Math.hypot(...[0, 1].map((axis) => spread(seen.map((place) => place[axis]))));
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    const trust = faceCm.map((point, k) => {
      const [x, y] = project(camera, point);
      return TRUST[k] / Math.sqrt(1 + (Math.hypot(seen[k][0] - x, seen[k][1] - y) / outlierPx) ** 2);
    });
    let step;
    [camera, step] = gaussNewtonStep(camera, faceCm, seen, trust);
    if (step < SETTLED) break;
  }
  const [, , third] = camera.rotation;
  return { ...camera, yawDeg: (Math.atan2(-third[0], third[2]) * 180) / Math.PI };
}

/** x of a x = b for a square matrix, by elimination; what cannot be told is 0. */
export function solve(a, b) {
  const rows = a.map((row, at) => [...row, b[at]]);
  const n = rows.length;
  for (let column = 0; column < n; column++) {
    let pivot = column;
    for (let row = column; row < n; row++) {
      if (Math.abs(rows[row][column]) > Math.abs(rows[pivot][column])) pivot = row;
    }
    [rows[column], rows[pivot]] = [rows[pivot], rows[column]];
    if (Math.abs(rows[column][column]) < 1e-12) rows[column] = rows[column].map((_, k) => Number(k === column));
    for (let row = 0; row < n; row++) {
      if (row === column) continue;
      const times = rows[row][column] / rows[column][column];
      for (let k = column; k <= n; k++) rows[row][k] -= times * rows[column][k];
    }
  }
  return rows.map((row, at) => row[n] / row[at]);
}

function spread(values) {
  return Math.max(...values) - Math.min(...values);
}

/** As `checked_landmarks`: the second singular value of what is not jaw tells a face from a line. */
function check(seen) {
  const inner = seen.slice(17);
  const [mx, my] = [0, 1].map((axis) => inner.reduce((sum, place) => sum + place[axis], 0) / inner.length);
  let [xx, xy, yy] = [0, 0, 0];
  for (const [x, y] of inner) {
    xx += (x - mx) ** 2;
    xy += (x - mx) * (y - my);
    yy += (y - my) ** 2;
  }
  const least = (xx + yy) / 2 - Math.hypot((xx - yy) / 2, xy);
  if (!(Math.sqrt(Math.max(least, 0)) >= SMALLEST_SPREAD_PX)) {
    throw new RangeError("landmarks lie on one line or in one point; they are no face");
  }
}

function project({ rotation, scale, shift }, point) {
  const [x, y] = rotation.map((row) => scale * dot(row, point));
  return [x + shift[0], shift[1] - y];
}

function dot(a, b) {
  return a.reduce((sum, value, k) => sum + value * b[k], 0);
}

function multiply(a, b) {
  return a.map((row) => b[0].map((_, column) => row.reduce((sum, value, k) => sum + value * b[k][column], 0)));
}

/** A linear fit brought to the nearest rotation, M^(-1/2) A with M = A A^T. */
function linearCamera(faceCm, seen) {
  const normal = Array.from({ length: 4 }, () => Array(4).fill(0));
  const right = [0, 1].map(() => Array(4).fill(0));
  faceCm.forEach((point, k) => {
    const row = [...point, 1];
    row.forEach((value, i) => {
      row.forEach((other, j) => (normal[i][j] += TRUST[k] * value * other));
      right[0][i] += TRUST[k] * value * seen[k][0];
      right[1][i] -= TRUST[k] * value * seen[k][1];
    });
  });
  const affine = right.map((side) => solve(normal, side));
  const linear = affine.map((row) => row.slice(0, 3));
  const [[a, b], [, d]] = linear.map((row) => linear.map((other) => dot(row, other)));
  const root = Math.sqrt(Math.max(a * d - b * b, 0));
  const stretch = Math.sqrt(a + d + 2 * root); // the sum of both singular values
  const inverse = solve([[a + root, b], [b, d + root]], [1, 0]);
  const other = solve([[a + root, b], [b, d + root]], [0, 1]);
  const [first, second] = multiply([inverse, other].map((row) => row.map((value) => value * stretch)), linear);
  const third = [0, 1, 2].map((k) => {
    const [i, j] = [(k + 1) % 3, (k + 2) % 3];
    return first[i] * second[j] - first[j] * second[i];
  });
  return { rotation: [first, second, third], scale: stretch / 2, shift: [affine[0][3], -affine[1][3]] };
}

/** One step over a small rotation, the logarithm of the scale, and the shift; and the longest of the first four. */
function gaussNewtonStep(camera, faceCm, seen, trust) {
  const normal = Array.from({ length: 6 }, () => Array(6).fill(0));
  const right = Array(6).fill(0);
  faceCm.forEach((point, k) => {
    const [x, y, z] = camera.rotation.map((row) => camera.scale * dot(row, point));
    const there = project(camera, point);
    const rows = [
      [0, z, -y, x, 1, 0],
      [z, 0, -x, -y, 0, 1],
    ];
    rows.forEach((row, axis) => {
      row.forEach((value, i) => {
        row.forEach((other, j) => (normal[i][j] += trust[k] * value * other));
        right[i] += trust[k] * value * (seen[k][axis] - there[axis]);
      });
    });
  });
  const step = solve(normal, right);
  const turn = step.slice(0, 4).map((value) => Math.min(Math.max(value, -LONGEST_STEP), LONGEST_STEP));
  const moved = {
    rotation: multiply(rotation(turn), camera.rotation),
    scale: camera.scale * Math.exp(turn[3]),
    shift: [camera.shift[0] + step[4], camera.shift[1] + step[5]],
  };
  return [moved, Math.max(...turn.map(Math.abs))];
}

/** The rotation about a vector by its length in radians. */
function rotation([x, y, z]) {
  const angle = Math.hypot(x, y, z);
  const sine = angle ? Math.sin(angle) / angle : 1;
  const rest = angle ? (1 - Math.cos(angle)) / angle ** 2 : 0.5;
  const cosine = Math.cos(angle);
  return [
    [cosine + rest * x * x, rest * x * y - sine * z, rest * x * z + sine * y],
    [rest * x * y + sine * z, cosine + rest * y * y, rest * y * z - sine * x],
    [rest * x * z - sine * y, rest * y * z + sine * x, cosine + rest * z * z],
  ];
}
