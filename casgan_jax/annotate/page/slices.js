// Slices that were fetched, the last ones kept; the next ones in the direction of scrolling are
// fetched before they are asked for.

import { getSlice } from "./api.js";

const MOST_BYTES = 96 * 2 ** 20;
const AHEAD = 4;

const kept = new Map(); // "index picture" -> promise of a slice
const sizes = new Map();
let bytes = 0;

function forget() {
  for (const [name, size] of sizes) {
    if (bytes <= MOST_BYTES) return;
    bytes -= size;
    sizes.delete(name);
    kept.delete(name);
  }
}

export function slice(picture, index) {
  const name = `${index} ${picture}`;
  if (kept.has(name)) return kept.get(name);
  const found = getSlice(picture, index);
  kept.set(name, found);
  found.then(
    (one) => {
      sizes.set(name, one.values.byteLength);
      bytes += one.values.byteLength;
      forget();
    },
    () => kept.delete(name),
  );
  return found;
}

export function fetchAhead(picture, index, direction, count) {
  for (let step = 1; step <= AHEAD; step++) {
    const next = index + direction * step;
    if (next >= 0 && next < count) slice(picture, next).catch(() => {}); // told when it is shown
  }
}
