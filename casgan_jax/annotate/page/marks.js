// Axes, outlines and boxes as lines with handles.

import { end, length, long, short } from "./geometry.js";
import { drawn } from "./here.js";
import { cornersOf } from "./shapes.js";
import { state } from "./state.js";
import { write } from "./text.js";

export const GIVEN = "#56b4e9";
const DRAFT = "#ffffff";

export function drawMarks(context, view) {
  const { draft, shape } = state;
  if (draft) axes(context, view, draft, DRAFT);
  else if (drawn("recist") && !shape) axes(context, view, drawn("recist"), GIVEN);
  for (const kind of ["outline", "box"]) {
    if (shape?.kind === kind) line(context, view, shape, DRAFT);
    else if (!draft && !shape && drawn(kind)) line(context, view, { kind, points: drawn(kind), open: false }, GIVEN);
  }
}

function axes(context, view, marks, colour) {
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  for (const each of marks.length < 8 ? [marks] : [long(marks), short(marks)]) {
    const [x1, y1] = view.toScreen(each.slice(0, 2));
    const [x2, y2] = view.toScreen(each.slice(2));
    context.beginPath();
    context.moveTo(x1, y1);
    context.lineTo(x2, y2);
    context.stroke();
  }
  handles(context, view, marks, 4);
  if (colour === DRAFT) lengths(context, view, marks);
}

function line(context, view, { kind, points, open }, colour) {
  const corners = cornersOf(kind, points);
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  context.beginPath();
  for (let which = 0; which < corners.length / 2; which++) context.lineTo(...view.toScreen(end(corners, which)));
  const { cursor } = state;
  if (kind === "box" || !open) context.closePath();
  else if (cursor) context.lineTo(...view.toScreen([cursor.x, cursor.y]));
  context.stroke();
  if (open || state.tool === kind) handles(context, view, corners, corners.length > 80 ? 2 : 4);
}

function handles(context, view, marks, radius) {
  context.fillStyle = "#0008";
  for (let which = 0; which < marks.length / 2; which++) {
    const [x, y] = view.toScreen(end(marks, which));
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  }
}

function lengths(context, view, marks) {
  const spacing = state.slice.spacing_mm;
  for (const each of marks.length < 8 ? [marks] : [long(marks), short(marks)]) {
    const [x, y] = view.toScreen(each.slice(2));
    const text = `${length(each, spacing ?? [1, 1]).toFixed(1)} ${spacing ? "mm" : "px"}`;
    write(context, text, x + 10, y - 8, "#fff");
  }
}
