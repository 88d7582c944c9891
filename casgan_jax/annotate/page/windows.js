// Windows by name: of Hounsfield units, or the one of the file alone.

import { fileWindow } from "./session.js";
import { state } from "./state.js";

const OF_HU = [
  ["lung", [-1000, 400]],
  ["soft tissue", [-160, 240]],
  ["liver", [-20, 180]],
  ["bone", [-500, 1300]],
  ["brain", [0, 80]],
];

// Name and [low, high] of what can be chosen, that of the file first.
export function presets() {
  const file = [["default", fileWindow()]];
  return state.slice?.unit === "HU" ? [...file, ...OF_HU] : file;
}

export const same = (a, b) => Boolean(a && b) && Math.abs(a[0] - b[0]) + Math.abs(a[1] - b[1]) < 0.01;

export function written([low, high]) {
  const digits = high - low < 10 ? 2 : 0;
  return `${low.toFixed(digits)} to ${high.toFixed(digits)}`;
}
