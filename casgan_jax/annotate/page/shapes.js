// Marks in place of axes: an outline, corner by corner or along a dragged line, and a box.

import { nearestEnd } from "./geometry.js";
import { drawn } from "./here.js";
import { say } from "./message.js";
import { mark } from "./session.js";
import { change, state } from "./state.js";

const APART = 0.5; // pixels of the image from which on two corners are two
const LEAST_SIDE = 2; // the same, of a box
const MOST = 500; // corners

function send(kind, points) {
  change({ shape: { kind, points, open: false } });
  mark({ [kind]: points }).then((done) => { if (!done) change({ shape: null }); });
}

const away = (points, [x, y]) => Math.hypot(points.at(-2) - x, points.at(-1) - y);

export const outline = {
  held: -1,
  step: APART,
  single: true, // a press of a key is a click

  down(point, reach) {
    const { shape } = state;
    this.step = Math.max(1, reach / 1.5);
    const there = shape ? null : drawn("outline");
    this.held = there ? nearestEnd(there, point, reach) : -1;
    if (this.held >= 0) change({ shape: { kind: "outline", points: [...there], open: false } });
    else if (shape?.points.length >= 6 && nearestEnd(shape.points.slice(0, 2), point, reach) === 0) this.close();
    else this.add(point, APART);
  },

  move(point) {
    const { shape } = state;
    if (!shape) return;
    if (this.held < 0) {
      if (shape.open) this.add(point, this.step);
      return;
    }
    const points = [...shape.points];
    points.splice(2 * this.held, 2, ...point);
    change({ shape: { ...shape, points } });
  },

  up() {
    if (this.held < 0 || !state.shape) return;
    this.held = -1;
    send("outline", state.shape.points);
  },

  add(point, apart) {
    const points = state.shape?.points ?? [];
    if (points.length && (away(points, point) < apart || points.length >= 2 * MOST)) return;
    change({ shape: { kind: "outline", points: [...points, ...point], open: true } });
  },

  close() {
    const { shape } = state;
    if (!shape?.open) return;
    if (shape.points.length < 6) say("an outline has three corners at least", "wrong");
    else send("outline", shape.points);
  },

  // The last corner is taken back; false: none is being drawn.
  back() {
    const { shape } = state;
    if (!shape?.open) return false;
    const points = shape.points.slice(0, -2);
    change({ shape: points.length ? { ...shape, points } : null });
    return true;
  },

  // The crosshair stands on the last corner: as a double click there would.
  ends: (point) => Boolean(state.shape?.open) && away(state.shape.points, point) < APART,
};

const corners = ([left, top, right, bottom]) => [left, top, right, top, right, bottom, left, bottom];

export const box = {
  down(point, reach) {
    const there = drawn("box");
    const ends = there ? corners(there) : [];
    const held = nearestEnd(ends, point, reach);
    const across = (2 * ((held + 2) % 4));
    const from = held < 0 ? point : ends.slice(across, across + 2);
    change({ shape: { kind: "box", points: [...from, ...point], open: true } });
  },

  move(point) {
    const { shape } = state;
    if (shape?.open) change({ shape: { ...shape, points: [...shape.points.slice(0, 2), ...point] } });
  },

  up(point) {
    this.move(point);
    const { shape } = state;
    if (!shape?.open) return;
    const [x1, y1, x2, y2] = shape.points;
    const points = [Math.min(x1, x2), Math.min(y1, y2), Math.max(x1, x2), Math.max(y1, y2)];
    if (Math.min(points[2] - points[0], points[3] - points[1]) < LEAST_SIDE) change({ shape: null });
    else send("box", points);
  },
};

// A shape as a list of its corners.
export const cornersOf = (kind, points) => (kind === "box" ? corners(points) : points);
