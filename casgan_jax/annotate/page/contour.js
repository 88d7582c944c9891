// Marching squares: where a plane of bytes crosses a level, as pieces x1, y1, x2, y2 in its pixels.

// Corners 0 top left, 1 top right, 2 bottom right, 3 bottom left; side k is from corner k on.
export function contour(plane, width, height, level) {
  const pieces = [];
  for (let y = 0; y + 1 < height; y++) {
    let at = y * width;
    for (let x = 0; x + 1 < width; x++, at++) {
      const corners = [plane[at], plane[at + 1], plane[at + width + 1], plane[at + width]];
      let inside = 0;
      for (let k = 0; k < 4; k++) if (corners[k] >= level) inside |= 1 << k;
      if (inside === 0 || inside === 15) continue;
      const places = [];
      for (let k = 0; k < 4; k++) {
        const [a, b] = [corners[k], corners[(k + 1) % 4]];
        if (a >= level !== b >= level) places.push(crossing(k, (level - a) / (b - a), x, y));
      }
      for (let k = 0; k + 1 < places.length; k += 2) pieces.push([...places[k], ...places[k + 1]]);
    }
  }
  return pieces;
}

function crossing(side, share, x, y) {
  if (side === 0) return [x + share, y];
  if (side === 1) return [x + 1, y + share];
  if (side === 2) return [x + 1 - share, y + 1];
  return [x, y + 1 - share];
}
