/* How a head is turned, from the points of the mesh in three dimensions: `feroi.photo.pose`. */

const SWEEPS = 12; // of Jacobi's method; a matrix of four rows settles in five or so
const TINY = 1e-15;

/** The angles of a head in degrees {yaw, pitch, roll}: the turn of the mean mesh that explains the points best.

    points: as `fitMeshes` tells them. mean: the mean mesh, {points_cm, trust}. */
export function headPose(points, { points_cm: own, trust }) {
  const seen = trust.map((_, k) => [points[3 * k], -points[3 * k + 1], -points[3 * k + 2]]);
  const total = trust.reduce((sum, weight) => sum + weight, 0);
  const [middle, ownMiddle] = [seen, own].map((all) =>
    [0, 1, 2].map((axis) => all.reduce((sum, point, k) => sum + trust[k] * point[axis], 0) / total),
  );
  const m = [0, 1, 2].map(() => [0, 0, 0]); // of own coordinates, by row, with seen ones
  seen.forEach((point, k) => {
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 3; j++) m[i][j] += trust[k] * (own[k][i] - ownMiddle[i]) * (point[j] - middle[j]);
    }
  });
  const rotation = turnOf(m);
  const degrees = (radians) => (radians * 180) / Math.PI;
  return {
    yaw: degrees(Math.atan2(-rotation[2][0], rotation[2][2])),
    pitch: -degrees(Math.asin(Math.min(Math.max(rotation[2][1], -1), 1))),
    roll: -degrees(Math.atan2(-rotation[0][1], rotation[1][1])),
  };
}

/** The angle between where a head looks and the camera, whatever the direction, in degrees. */
export function turnDeg({ yaw, pitch }) {
  const [across, down] = [yaw, pitch].map((angle) => Math.cos((angle * Math.PI) / 180));
  return (Math.acos(Math.min(Math.max(across * down, -1), 1)) * 180) / Math.PI;
}

/** The rotation that a matrix of products of coordinates speaks for: Horn (1987), by unit quaternions. */
function turnOf([[xx, xy, xz], [yx, yy, yz], [zx, zy, zz]]) {
  const [w, x, y, z] = mainAxis([
    [xx + yy + zz, yz - zy, zx - xz, xy - yx],
    [yz - zy, xx - yy - zz, xy + yx, zx + xz],
    [zx - xz, xy + yx, yy - xx - zz, yz + zy],
    [xy - yx, zx + xz, yz + zy, zz - xx - yy],
  ]);
  return [
    [w * w + x * x - y * y - z * z, 2 * (x * y - w * z), 2 * (x * z + w * y)],
    [2 * (x * y + w * z), w * w - x * x + y * y - z * z, 2 * (y * z - w * x)],
    [2 * (x * z - w * y), 2 * (y * z + w * x), w * w - x * x - y * y + z * z],
  ];
}

/** The eigenvector of the greatest eigenvalue of a symmetric matrix, by Jacobi's rotations. */
function mainAxis(rows) {
  const n = rows.length;
  const a = rows.map((row) => [...row]);
  const vectors = a.map((_, i) => a.map((_, j) => Number(i === j)));
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        if (Math.abs(a[p][q]) <= TINY * Math.sqrt(Math.abs(a[p][p] * a[q][q]))) continue;
        const angle = Math.atan((2 * a[p][q]) / (a[q][q] - a[p][p])) / 2;
        const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
        const mix = (one, other) => [cos * one - sin * other, sin * one + cos * other];
        for (let k = 0; k < n; k++) [a[k][p], a[k][q]] = mix(a[k][p], a[k][q]);
        for (let k = 0; k < n; k++) [a[p][k], a[q][k]] = mix(a[p][k], a[q][k]);
        for (const row of vectors) [row[p], row[q]] = mix(row[p], row[q]);
      }
    }
  }
  const most = a.reduce((best, row, k) => (row[k] > a[best][best] ? k : best), 0);
  return vectors.map((row) => row[most]);
}
