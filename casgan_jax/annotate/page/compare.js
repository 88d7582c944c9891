// Another soft mask of the lesion beside the one that counts: by matting, by the network, or the
// consensus of all readers.

import { getProposal } from "./api.js";
import { warn } from "./message.js";
import { act } from "./session.js";
import { change, onChange, state } from "./state.js";

let asked = 0;

// What there is to compare with.
export function kinds() {
  const { network, finished, lesion } = state;
  if (!lesion?.label) return [];
  const others = network ? [lesion.by === "network" ? "matting" : "network"] : [];
  return finished ? [...others, "consensus"] : others;
}

// The next of: nothing, and what there is.
export function nextCompared() {
  const names = ["", ...kinds()];
  change({ compare: names[(names.indexOf(state.compare) + 1) % names.length] });
}

// The network's soft mask counts in place of the matted one, or this again.
export function switchProposal() {
  const { lesion, network } = state;
  if (network && lesion?.label) act("propose", { by: lesion.by === "network" ? "matting" : "network" });
}

async function fetchOther() {
  const { lesion, compare } = state;
  const number = ++asked;
  // What was compared with counts now: the comparison turns round.
  if (compare && lesion?.by === compare) change({ compare: kinds()[0] ?? "" });
  if (!compare || !kinds().includes(compare)) {
    change({ other: null });
    return;
  }
  try {
    const other = await getProposal(lesion.key, compare);
    if (number === asked) change({ other: { ...other, by: compare } });
  } catch (error) {
    if (number !== asked) return;
    change({ other: null });
    warn(error.message);
  }
}

// Dice of two soft masks where they reach a threshold, on the finer pixels of both.
export function dice(one, other, threshold) {
  const level = Math.max(1, Math.round(255 * threshold));
  let both = 0;
  let sum = 0;
  const [left, top] = one.label.box.map((edge, k) => one.label.scale * (edge - other.label.box[k]));
  for (const byte of other.alpha) sum += byte >= level;
  for (let y = 0; y < one.height; y++) {
    for (let x = 0; x < one.width; x++) {
      if (one.alpha[y * one.width + x] < level) continue;
      sum++;
      const [column, row] = [x + left, y + top];
      const within = column >= 0 && row >= 0 && column < other.width && row < other.height;
      if (within && other.alpha[row * other.width + column] >= level) both++;
    }
  }
  return sum ? (2 * both) / sum : 1;
}

export function startCompare() {
  onChange(["mask", "compare", "reloaded"], fetchOther);
}
