// What is shown: one object. Who draws asks to be told when a field changes.

export const state = {
  reader: "",
  lesions: [],
  lesion: null, // as of /api/lesion
  mask: null, // as of api.getMask, of `lesion`
  volume: null, // as of api.getVolume, of `lesion`; null: it has none
  picture: null, // name of the image that is shown
  index: 0, // of its slice
  slice: null, // as of api.getSlice
  window: null, // [low, high]
  tool: "axes",
  radius: 2, // of the brush, pixels of the image
  snap: true, // short axis at right angles to the long one
  overlay: "soft mask",
  opacity: 0.5,
  threshold: 128 / 255,
  smooth: true, // pixels are interpolated
  marks: true, // axes and outlines are drawn
  cursor: null, // {x, y} in pixels of the image
  network: false, // whether one proposes soft masks
  finished: false, // whether every lesion has a decision
  compare: "", // what is compared with: "matting", "network", "consensus"
  other: null, // its soft mask, as `mask`
  reloaded: 0, // how often the network's weights were read again
  shape: null, // {kind, points, open}: an outline or a box that is being drawn
  draft: null, // axes that are being drawn: 4 or 8 numbers
  stroke: null, // that is being drawn
  waiting: false, // for the server
};

const listeners = [];

export function onChange(fields, listener) {
  listeners.push({ fields: new Set(fields), listener });
}

export function change(values) {
  Object.assign(state, values);
  const names = Object.keys(values);
  for (const { fields, listener } of listeners) {
    if (names.some((name) => fields.has(name))) listener();
  }
}
