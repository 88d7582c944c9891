// The pictures and lines of what is shown, made again only when what they show has changed.

import { softMask, trimap, windowed } from "./colour.js";
import { contour } from "./contour.js";
import { state } from "./state.js";
import { planeOf } from "./volume.js";

export const FOUND = "#f0a30a"; // colour of what was found

const made = {};

function kept(name, parts, make) {
  const old = made[name];
  if (old && old.parts.every((part, k) => part === parts[k])) return old.result;
  const result = make();
  made[name] = { parts, result };
  return result;
}

// The mask of the lesion, where its slice is the one that is shown; else null.
function ownMask() {
  const { lesion, mask, slice } = state;
  const here = lesion && slice && lesion.picture === slice.picture && lesion.slice === slice.index;
  return here ? mask : null;
}

// The same; on another slice what its volume is there.
export function shownMask() {
  const { lesion, volume, slice } = state;
  if (!volume || lesion?.picture !== slice?.picture || lesion.slice === slice.index) return ownMask();
  return planeOf(volume, slice.index);
}

export function image() {
  const { slice, window } = state;
  return slice && kept("image", [slice, ...window], () => windowed(slice, window));
}

export function overlay() {
  const mask = shownMask();
  if (!mask || state.overlay === "none") return null;
  const draw = state.overlay === "trimap" && mask.trimap ? trimap : softMask;
  return kept("overlay", [mask, draw, state.opacity], () => draw(mask, state.opacity));
}

// In pixels of the image.
export const outline = () => traced("outline", shownMask());

// The same of the soft mask that is compared with.
export const otherOutline = () => traced("other", ownMask() && state.other);

function traced(name, mask) {
  if (!mask) return null;
  return kept(name, [mask, state.threshold], () => pathOf(mask, state.threshold));
}

// Where a mask crosses a threshold, in pixels of the image.
export function pathOf(mask, threshold) {
  const { scale, box } = mask.label;
  const place = (fine, corner) => (fine - (scale - 1) / 2) / scale + corner;
  const path = new Path2D();
  const level = Math.max(1, Math.round(255 * threshold));
  for (const [x1, y1, x2, y2] of contour(mask.alpha, mask.width, mask.height, level)) {
    path.moveTo(place(x1, box[0]), place(y1, box[1]));
    path.lineTo(place(x2, box[0]), place(y2, box[1]));
  }
  return path;
}
