// Values as pictures: a slice in its window, a soft mask or a trimap as a layer of colour.

function canvasOf(width, height, fill) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  const picture = context.createImageData(width, height);
  fill(new Uint32Array(picture.data.buffer));
  context.putImageData(picture, 0, 0);
  return canvas;
}

// Little endian: alpha, blue, green, red from the highest byte on.
const rgba = (red, green, blue, alpha) => ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;

export function windowed(slice, [low, high]) {
  const { values } = slice;
  const scale = 255 / (high - low);
  return canvasOf(slice.width, slice.height, (pixels) => {
    for (let k = 0; k < values.length; k++) {
      const grey = Math.round((values[k] - low) * scale);
      const byte = grey > 0 ? (grey < 255 ? grey : 255) : 0; // NaN is black
      pixels[k] = rgba(byte, byte, byte, 255);
    }
  });
}

// From a little lesion to certain lesion; dark violet to yellow, as viridis.
const STOPS = [[70, 20, 110], [60, 80, 140], [35, 140, 140], [100, 200, 95], [253, 231, 37]];

function heat(share) {
  const place = share * (STOPS.length - 1);
  const from = Math.min(Math.floor(place), STOPS.length - 2);
  return STOPS[from].map((value, k) => value + (place - from) * (STOPS[from + 1][k] - value));
}

export function softMask(mask, opacity) {
  const table = new Uint32Array(256);
  for (let byte = 1; byte < 256; byte++) {
    const [red, green, blue] = heat(byte / 255);
    const alpha = Math.round(255 * opacity * (0.3 + (0.7 * byte) / 255));
    table[byte] = rgba(red, green, blue, alpha);
  }
  return canvasOf(mask.width, mask.height, (pixels) => {
    for (let k = 0; k < pixels.length; k++) pixels[k] = table[mask.alpha[k]];
  });
}

export function trimap(mask, opacity) {
  const alpha = Math.round(255 * opacity);
  const colours = { 255: rgba(240, 163, 10, alpha), 128: rgba(86, 180, 233, alpha), 0: 0 };
  return canvasOf(mask.width, mask.height, (pixels) => {
    for (let k = 0; k < pixels.length; k++) pixels[k] = colours[mask.trimap[k]];
  });
}
