// The lesion in all its slices: made and dropped, and what of it is in each slice.

import { say } from "./message.js";
import { act } from "./session.js";
import { state } from "./state.js";

export function switchVolume() {
  const { lesion } = state;
  if (!lesion) return;
  if (!lesion.label) {
    say("mark the lesion first: its volume begins there", "wrong");
    return;
  }
  if (!lesion.volume) say("following the lesion ...");
  act("volume", { on: !lesion.volume });
}

const made = new WeakMap(); // volume -> its planes by slice

// The volume in a slice as a mask has it, with the image's values: see api.getMask, api.getSlice.
export function planeOf(volume, index) {
  const number = index - volume.start;
  if (number < 0 || number >= volume.count) return null;
  if (!made.has(volume)) made.set(volume, new Map());
  const planes = made.get(volume);
  if (!planes.has(number)) {
    const [left, top, right, bottom] = volume.box;
    const [width, height] = [right - left, bottom - top];
    const part = [number * width * height, (number + 1) * width * height];
    planes.set(number, {
      label: { box: volume.box, scale: 1 },
      width,
      height,
      alpha: volume.alpha.subarray(...part),
      values: volume.values.subarray(...part),
    });
  }
  return planes.get(number);
}
