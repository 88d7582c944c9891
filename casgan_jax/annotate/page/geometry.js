// Axes as lists of eight numbers: x1, y1, x2, y2 of the long axis, then those of the short one.

const minus = ([ax, ay], [bx, by]) => [ax - bx, ay - by];
const dot = ([ax, ay], [bx, by]) => ax * bx + ay * by;

export function length([x1, y1, x2, y2], [row, column] = [1, 1]) {
  return Math.hypot((x2 - x1) * column, (y2 - y1) * row);
}

export const long = (axes) => axes.slice(0, 4);
export const short = (axes) => axes.slice(4, 8);
export const end = (axes, which) => axes.slice(2 * which, 2 * which + 2);

export function middle(axes) {
  const count = axes.length / 2;
  const sum = [0, 0];
  for (let k = 0; k < count; k++) {
    sum[0] += axes[2 * k] / count;
    sum[1] += axes[2 * k + 1] / count;
  }
  return sum;
}

// The end of a line from `start` to `point` that is turned at right angles to an axis.
export function perpendicular(axis, start, point) {
  const along = minus(axis.slice(2), axis.slice(0, 2));
  const size = dot(along, along);
  if (!size) return point;
  const normal = [-along[1], along[0]];
  const share = dot(minus(point, start), normal) / size;
  return [start[0] + share * normal[0], start[1] + share * normal[1]];
}

// Axes with one of their four ends moved. With `snap` the short axis keeps its right angle: it is
// carried along by the long one, and its own ends move across that one only.
export function moved(axes, which, point, snap) {
  const result = [...axes];
  [result[2 * which], result[2 * which + 1]] = point;
  if (!snap || axes.length < 8) return result;
  if (which >= 2) {
    const other = which === 2 ? 3 : 2;
    const start = end(axes, other);
    const [x, y] = perpendicular(long(axes), start, point);
    [result[2 * which], result[2 * which + 1]] = [x, y];
    return result;
  }
  return [...long(result), ...carried(axes, long(result))];
}

// The short axis in the place along and across a new long one that it had by the old one.
function carried(axes, onto) {
  const from = end(axes, 0);
  const old = minus(end(axes, 1), from);
  const fresh = minus(onto.slice(2), onto.slice(0, 2));
  const [oldSize, freshSize] = [Math.hypot(...old), Math.hypot(...fresh)];
  if (!oldSize || !freshSize) return short(axes);
  return [2, 3].flatMap((which) => {
    const place = minus(end(axes, which), from);
    const along = dot(place, old) / oldSize ** 2;
    const across = (old[0] * place[1] - old[1] * place[0]) / oldSize;
    return [
      onto[0] + along * fresh[0] - (across * fresh[1]) / freshSize,
      onto[1] + along * fresh[1] + (across * fresh[0]) / freshSize,
    ];
  });
}

// The longer axis first.
export function ordered(axes, spacing) {
  return length(long(axes), spacing) >= length(short(axes), spacing)
    ? axes : [...short(axes), ...long(axes)];
}

// Which end is within `reach` of a point; -1: none.
export function nearestEnd(axes, [x, y], reach) {
  let best = -1;
  let least = reach;
  for (let which = 0; which < axes.length / 2; which++) {
    const away = Math.hypot(axes[2 * which] - x, axes[2 * which + 1] - y);
    if (away <= least) [best, least] = [which, away];
  }
  return best;
}
