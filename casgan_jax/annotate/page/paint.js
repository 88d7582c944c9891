// One canvas: image, overlay, outlines, marks, stroke, crosshair, and what is written at its sides.

import { FOUND, image, otherOutline, outline, overlay, shownMask } from "./layers.js";
import { drawMarks } from "./marks.js";
import { state } from "./state.js";
import { shortened, write } from "./text.js";

const OTHER = "#e88ac5";
const BRUSH = { lesion: "#f0a30a", background: "#7aa2ff", unknown: "#d0d4d8" };

export function paint(view) {
  const context = view.context();
  if (!state.slice || !state.window) return;
  pictures(context, view);
  if (state.marks) lines(context, view);
  drawStroke(context, view);
  drawCursor(context, view);
  writings(context, view);
}

function pictures(context, view) {
  const place = (canvas, left, top, pixel) => {
    // The centre of the first pixel is (0, 0): its corner is half a pixel before.
    const [x, y] = view.toScreen([left - 0.5, top - 0.5]);
    const size = pixel * view.zoom;
    context.drawImage(canvas, x, y, canvas.width * size, canvas.height * size);
  };
  context.imageSmoothingEnabled = state.smooth;
  context.imageSmoothingQuality = "high";
  place(image(), 0, 0, 1);
  const layer = overlay();
  const mask = shownMask();
  if (layer) place(layer, mask.label.box[0], mask.label.box[1], 1 / mask.label.scale);
}

function lines(context, view) {
  along(context, view, outline(), FOUND);
  along(context, view, otherOutline(), OTHER);
  drawMarks(context, view);
}

function along(context, view, path, colour) {
  if (!path) return;
  context.save();
  const [x, y] = view.toScreen([0, 0]);
  context.translate(x, y);
  context.scale(view.zoom, view.zoom);
  context.strokeStyle = colour;
  context.lineWidth = 1.5 / view.zoom;
  context.stroke(path);
  context.restore();
}

function drawStroke(context, view) {
  const { stroke } = state;
  if (!stroke) return;
  context.save();
  context.strokeStyle = BRUSH[stroke.value];
  context.globalAlpha = 0.55;
  context.lineCap = context.lineJoin = "round";
  context.lineWidth = 2 * stroke.radius * view.zoom;
  context.beginPath();
  stroke.points.forEach((point, k) => {
    const [x, y] = view.toScreen(point);
    if (k === 0) context.moveTo(x, y);
    context.lineTo(x, y + (stroke.points.length === 1 ? 0.01 : 0));
  });
  context.stroke();
  context.restore();
}

function drawCursor(context, view) {
  const { cursor, tool, radius } = state;
  if (!cursor) return;
  const [x, y] = view.toScreen([cursor.x, cursor.y]);
  context.lineWidth = 1;
  if (tool in BRUSH) {
    context.strokeStyle = BRUSH[tool];
    context.beginPath();
    context.arc(x, y, radius * view.zoom, 0, 2 * Math.PI);
    context.stroke();
  }
  if (cursor.view === view && !cursor.byKeys) return; // the mouse is there
  context.strokeStyle = "#ffffffb0";
  context.beginPath();
  for (const [right, down] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    context.moveTo(x + 4 * right, y + 4 * down);
    context.lineTo(x + 12 * right, y + 12 * down);
  }
  context.stroke();
}

function writings(context, view) {
  const { slice, cursor, lesion } = state;
  const { width, height } = view;
  context.textAlign = "left";
  if (lesion) write(context, shortened(context, lesion.title, width / 2 - 30), 10, 20);
  const count = lesion?.slices ?? 1;
  const place = slice.position_mm === null ? "" : `   ${slice.position_mm.toFixed(1)} mm`;
  if (count > 1) write(context, `slice ${slice.index + 1} of ${count}${place}`, 10, 38);
  if (cursor) write(context, reading(slice, cursor), 10, height - 12);
  scaleBar(context, view);
  context.textAlign = "center";
  const { left, right, top, bottom } = slice.letters;
  if (top) write(context, top, width / 2, 20, "#ffe9a8");
  if (bottom) write(context, bottom, width / 2, height - 12, "#ffe9a8");
  if (left) write(context, left, 12, height / 2, "#ffe9a8");
  if (right) write(context, right, width - 14, height / 2, "#ffe9a8");
  context.textAlign = "left";
}

function reading(slice, { x, y }) {
  const [column, row] = [Math.round(x), Math.round(y)];
  const within = column >= 0 && row >= 0 && column < slice.width && row < slice.height;
  const place = `x ${x.toFixed(1)}  y ${y.toFixed(1)}`;
  if (!within) return place;
  const value = slice.values[row * slice.width + column];
  const number = Number.isInteger(value) ? value : Number(value.toPrecision(5));
  return `${place}   ${number}${slice.unit === "HU" ? " HU" : ""}`;
}

const LENGTHS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

// The longest round length that takes less than a third of the width.
function scaleBar(context, view) {
  const spacing = state.slice.spacing_mm;
  const perPixel = spacing ? spacing[1] : 1;
  const most = ((view.width / 3) * perPixel) / view.zoom;
  const size = LENGTHS.findLast((one) => one <= most) ?? LENGTHS[0];
  const wide = (size * view.zoom) / perPixel;
  const [right, y] = [view.width - 14, view.height - 14];
  context.strokeStyle = "#000c";
  for (const [colour, line] of [["#000c", 4], ["#e6e9ec", 2]]) {
    context.strokeStyle = colour;
    context.lineWidth = line;
    context.beginPath();
    context.moveTo(right - wide, y - 5);
    context.lineTo(right - wide, y);
    context.lineTo(right, y);
    context.lineTo(right, y - 5);
    context.stroke();
  }
  context.textAlign = "right";
  write(context, `${size} ${spacing ? "mm" : "px"}`, right, y - 10);
  context.textAlign = "left";
}
