// The slices of a lesion with a volume beside each other, and what is measured on it. A click, or
// the arrow keys there, show a slice in the views.

import { windowed } from "./colour.js";
import { long, short } from "./geometry.js";
import { isAbsent, mayBeAbsent, saidOf, switchAbsent } from "./here.js";
import { FOUND, pathOf } from "./layers.js";
import { GIVEN } from "./marks.js";
import { scroll } from "./session.js";
import { cornersOf } from "./shapes.js";
import { onChange, state } from "./state.js";
import { planeOf } from "./volume.js";

const SIDE = 96; // pixels of a tile, as in style.css
const WHY = {
  contrast: "no contrast", area: "too small", drift: "moved off", edge: "images end", marked: "as said",
};

const by = (id) => document.getElementById(id);
const tiles = by("tiles");

const indices = ({ start, count }) => Array.from({ length: count }, (_, k) => start + k);

// What is to be said of a slice, in words.
function words(volume, index) {
  const said = saidOf(index);
  return [
    volume.marked.includes(index) && "marked",
    index === volume.long_slice && "longest",
    said?.absent ? "not in it" : index < volume.first || index > volume.last ? "outside" : false,
    said && index !== state.lesion.slice && said.strokes && "brushed",
  ].filter(Boolean);
}

function tile(volume, index) {
  const box = document.createElement("div");
  box.className = "tile";
  box.id = `tile-${index}`;
  box.dataset.slice = index;
  box.setAttribute("role", "option");
  const told = words(volume, index);
  box.setAttribute("aria-label", [`slice ${index + 1}`, ...told].join(", "));
  const [canvas, name, about] = ["canvas", "b", "small"].map((kind) => document.createElement(kind));
  name.textContent = index + 1;
  about.textContent = told.join(", ");
  box.append(canvas, name, about);
  box.addEventListener("click", () => scroll(index - state.index));
  draw(canvas, planeOf(volume, index), saidOf(index));
  return box;
}

function draw(canvas, plane, said) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = canvas.height = Math.round(SIDE * ratio);
  const context = canvas.getContext("2d");
  const zoom = canvas.width / Math.max(plane.width, plane.height);
  const [left, top] = plane.label.box;
  context.imageSmoothingQuality = "high";
  context.drawImage(windowed(plane, state.window), 0, 0, zoom * plane.width, zoom * plane.height);
  // From pixels of the image, whose centres are at whole numbers.
  context.setTransform(zoom, 0, 0, zoom, (0.5 - left) * zoom, (0.5 - top) * zoom);
  context.lineWidth = (1.5 * ratio) / zoom;
  context.strokeStyle = FOUND;
  context.stroke(pathOf(plane, state.threshold));
  context.strokeStyle = GIVEN;
  context.lineWidth = ratio / zoom;
  context.stroke(marksOf(said));
}

function marksOf(said) {
  const path = new Path2D();
  for (const [x1, y1, x2, y2] of said?.recist ? [long(said.recist), short(said.recist)] : []) {
    path.moveTo(x1, y1);
    path.lineTo(x2, y2);
  }
  for (const kind of ["outline", "box"].filter((one) => said?.[one])) {
    const corners = cornersOf(kind, said[kind]);
    for (let k = 0; k < corners.length; k += 2) path.lineTo(corners[k], corners[k + 1]);
    path.closePath();
  }
  return path;
}

function facts(volume) {
  const [below, above] = volume.ended.map((why) => WHY[why]);
  const rows = [
    ["volume", `${volume.volume_mm3.toFixed(0)} mm³`, "found"],
    ["longest", `${volume.long_mm.toFixed(1)} × ${volume.short_mm.toFixed(1)} mm`],
    ["", `in slice ${volume.long_slice + 1}`],
    ["first", `${volume.first + 1}: ${below}`],
    ["last", `${volume.last + 1}: ${above}`],
  ];
  by("volume-facts").replaceChildren(...rows.flatMap(([name, text, kind]) => {
    const [term, value] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = name;
    value.textContent = text;
    value.className = kind ?? "";
    return [term, value];
  }));
  by("volume-notes").textContent = volume.notes.join("; ");
}

let resized = () => {}; // the views are smaller or larger

function show() {
  const { lesion, volume } = state;
  const before = by("strip").hidden;
  by("strip").hidden = !volume;
  if (before !== !volume) resized();
  if (!volume || !lesion) return;
  facts(volume);
  tiles.replaceChildren(...indices(volume).map((index) => tile(volume, index)));
  choose();
}

// The tile of the slice that is shown.
function choose() {
  for (const box of tiles.children) {
    const here = Number(box.dataset.slice) === state.index;
    box.setAttribute("aria-selected", String(here));
    if (here) reveal(box);
  }
  const seen = state.volume && planeOf(state.volume, state.index);
  if (seen) tiles.setAttribute("aria-activedescendant", `tile-${state.index}`);
  else tiles.removeAttribute("aria-activedescendant");
  by("absent").disabled = !mayBeAbsent();
  by("absent").setAttribute("aria-pressed", String(isAbsent()));
}

function reveal(box) {
  const [from, to] = [box.offsetLeft, box.offsetLeft + box.offsetWidth];
  if (from < tiles.scrollLeft) tiles.scrollLeft = from;
  if (to > tiles.scrollLeft + tiles.clientWidth) tiles.scrollLeft = to - tiles.clientWidth;
}

export function startStrip(fit) {
  resized = fit;
  by("absent").addEventListener("click", switchAbsent);
  tiles.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!steps || event.shiftKey || event.altKey) return;
    event.preventDefault();
    scroll(steps);
  });
  let planned = false;
  onChange(["volume", "lesion", "window", "threshold"], () => {
    if (planned) return;
    planned = true;
    requestAnimationFrame(() => { planned = false; show(); });
  });
  onChange(["index", "slice"], choose);
}
