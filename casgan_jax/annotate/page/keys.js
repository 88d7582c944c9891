// Every key and what it does; the help is made of the same table.

import { clearHere, switchAbsent } from "./here.js";
import { say } from "./message.js";
import { chooseTool, choosePreset, nextOverlay } from "./panel.js";
import { act, another, backToLesion, decide, exportAccepted, scroll, step } from "./session.js";
import { nextCompared, switchProposal } from "./compare.js";
import { change, state } from "./state.js";
import { cancel, reachOf, tool, TOOLS } from "./tools.js";
import { switchVolume } from "./volume.js";

let pressed = false; // by the Enter key

function table(views) {
  const { current, fit, redraw } = views;
  const radius = (factor) => change({ radius: Math.min(20, Math.max(0.5, Math.round(2 * state.radius * factor) / 2)) });
  const zoom = (factor) => { current().zoomBy(factor); redraw(); };
  const focus = (id) => document.getElementById(id).focus();
  return [
    ["j", "next lesion", () => step(1)],
    ["k", "previous lesion", () => step(-1)],
    ["a", "accept, and go on", () => decide("accepted")],
    ["r", "reject, and go on", () => decide("rejected")],
    ["u", "unsure, and go on", () => decide("unsure")],
    ["e", "comment", () => focus("comment")],
    ["l", "another lesion on this image", another],
    ...Object.entries(TOOLS).map(([name, { key, name: title }]) => [key, TITLES[name] ?? title, () => chooseTool(name)]),
    ["[", "smaller brush", () => radius(0.7)],
    ["]", "larger brush", () => radius(1.5)],
    ["s", "right angle between the axes, on or off", () => change({ snap: !state.snap })],
    ["z", "undo (also Ctrl+Z); of an open outline the last corner", undo],
    ["y", "redo (also Ctrl+Y, Ctrl+Shift+Z)", () => act("redo")],
    ["d", "take all strokes on this slice away: the soft mask as proposed", clearHere],
    ["q", "the mark as it was given", () => state.lesion?.given && act("given")],
    ["w", "whole lesion: its volume in all slices, or its own slice alone", switchVolume],
    ["Delete", "whole lesion: it is not in this slice, and ends before it; or it may be", switchAbsent],
    ["Escape", "stop drawing", () => { pressed = false; cancel(); }],
    ["n", "soft mask by the network, or by matting", switchProposal],
    ["h", "compare with the other one, or the readers' consensus", nextCompared],
    ["o", "overlay: soft mask, trimap, none", nextOverlay],
    ["m", "axes and outlines, on or off", () => change({ marks: !state.marks })],
    ["i", "pixels smooth or square", () => change({ smooth: !state.smooth })],
    ["0", "default window", () => choosePreset(0)],
    ...["lung", "soft tissue", "liver", "bone", "brain"].map((name, k) => [String(k + 1), `${name} window`, () => choosePreset(k + 1)]),
    ["ArrowUp", "slice before", () => scroll(-1)],
    ["ArrowDown", "slice after", () => scroll(1)],
    ["PageUp", "ten slices before", () => scroll(-10)],
    ["PageDown", "ten slices after", () => scroll(10)],
    ["Home", "the lesion's slice", backToLesion],
    ["+", "zoom in", () => zoom(1.25)],
    ["-", "zoom out", () => zoom(0.8)],
    ["f", "whole image, and lesion", fit],
    ["Tab", "from part to part of the page", null],
    ["Shift+arrows", "move the crosshair (with Alt by a quarter of a pixel)", null],
    ["Enter", "press or release at the crosshair: ends of axes, corners, a click, a stroke; closes an outline", () => press(views)],
    ["/", "search", () => focus("search")],
    ["E", "export accepted lesions", exportAccepted],
    ["?", "these keys", () => document.getElementById("keys").showModal()],
  ];
}

const TITLES = {
  axes: "draw the long axis, then the short one; drag an end",
  click: "click: axes are proposed",
  outline: "outline: corners, or a dragged line; drag a corner",
  box: "box: GrabCut finds the lesion inside; drag a corner",
  lesion: "brush: certainly lesion",
  background: "brush: certainly background",
  unknown: "brush: the image decides",
};

const MOUSE = [
  ["left button", "the tool"],
  ["wheel", "slices; with Ctrl zoom"],
  ["right button", "drag: window (width, level)"],
  ["middle button, or Shift", "drag: move the image"],
];

// The first press begins, the second ends: an axis from one to the other, a stroke along the way.
function press({ current }) {
  const { cursor, lesion, slice } = state;
  if (!lesion || !slice) return;
  const closing = tool().close && (!cursor?.byKeys || tool().ends([cursor.x, cursor.y]));
  if (closing) {
    tool().close();
    return;
  }
  if (!cursor) {
    say("move the crosshair by Shift and an arrow first");
    return;
  }
  const place = [cursor.x, cursor.y];
  if (pressed) tool().up(place);
  else tool().down(place, reachOf(current()));
  if (tool().single) tool().up(place);
  pressed = !tool().single && !pressed;
}

function undo() {
  if (!TOOLS.outline.back()) act("undo");
}

function moveCrosshair(event, { current }) {
  const way = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
  if (!event.shiftKey || !way || !state.slice) return false;
  const view = current();
  const from = state.cursor ?? { x: Math.round(view.x), y: Math.round(view.y) };
  const size = event.altKey ? 0.25 : 1;
  const cursor = { x: from.x + size * way[0], y: from.y + size * way[1], view, byKeys: true };
  if (pressed) tool().move([cursor.x, cursor.y]);
  change({ cursor });
  return true;
}

function help(rows) {
  const box = document.getElementById("keys");
  const title = document.createElement("h2");
  title.textContent = "Keys and mouse (Escape closes)";
  const columns = document.createElement("div");
  columns.className = "columns";
  const list = document.createElement("table");
  for (const [key, text] of [...MOUSE, ...rows]) {
    const line = list.insertRow();
    const name = document.createElement("kbd");
    name.textContent = key;
    line.insertCell().append(name);
    line.insertCell().textContent = text;
  }
  columns.append(list);
  box.replaceChildren(title, columns);
}

const TYPED = new Set(["search", "text"]);

export function startKeys(views) {
  const rows = table(views);
  const actions = new Map(rows.filter(([, , action]) => action).map(([key, , action]) => [key, action]));
  help(rows);
  document.addEventListener("keydown", (event) => {
    const { target } = event;
    if (document.querySelector("dialog[open]")) return;
    if (target instanceof HTMLInputElement && TYPED.has(target.type)) {
      if (event.key === "Escape" || event.key === "Enter") target.blur();
      return;
    }
    if (moveCrosshair(event, views)) {
      event.preventDefault();
      return;
    }
    const control = event.ctrlKey || event.metaKey;
    if (control && ["z", "Z", "y"].includes(event.key)) {
      if (event.key === "z") undo();
      else act("redo");
      event.preventDefault();
      return;
    }
    const own = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
    const used = own && (event.key.startsWith("Arrow") || event.key.startsWith("Page") || event.key === "Home");
    const isButton = target instanceof HTMLButtonElement && event.key === "Enter";
    if (control || event.altKey || used || isButton || (target instanceof HTMLSelectElement && event.key.length === 1)) return;
    const action = actions.get(event.key === "=" ? "+" : event.key);
    if (!action) return;
    event.preventDefault();
    action();
  });
}
