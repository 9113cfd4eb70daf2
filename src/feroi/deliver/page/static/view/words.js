/* How a head is held, in words. */

const STRAIGHT_DEG = 8; // what nobody would call turned

/** Such as "turned 31° to the picture's left, lowered 12°"; angles as of `headPose`. */
export function headWords({ yaw, pitch, roll }) {
  const parts = [
    [yaw, (degrees) => `turned ${degrees} to the picture's ${yaw > 0 ? "right" : "left"}`],
    [pitch, (degrees) => `${pitch > 0 ? "raised" : "lowered"} ${degrees}`],
    [roll, (degrees) => `tilted ${degrees} ${roll > 0 ? "clockwise" : "anticlockwise"}`],
  ];
  const told = parts.filter(([angle]) => Math.abs(angle) >= STRAIGHT_DEG);
  return told.map(([angle, words]) => words(`${Math.abs(angle).toFixed(0)}°`)).join(", ") || "straight";
}
