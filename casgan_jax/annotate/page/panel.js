// The panel below the images: measurements, and buttons that show what they would do.

import { say } from "./message.js";
import { dice } from "./compare.js";
import { clearable, clearHere } from "./here.js";
import { act, decide, drawnMark } from "./session.js";
import { change, onChange, state } from "./state.js";
import { cancel, TOOLS } from "./tools.js";
import { switchVolume } from "./volume.js";
import { presets, same, written } from "./windows.js";

const by = (id) => document.getElementById(id);
const OVERLAYS = ["soft mask", "trimap", "none"];

export function chooseTool(name) {
  change({ tool: name });
  cancel();
}

export function nextOverlay() {
  change({ overlay: OVERLAYS[(OVERLAYS.indexOf(state.overlay) + 1) % OVERLAYS.length] });
}

export function choosePreset(place) {
  const found = presets()[place];
  if (found) change({ window: [...found[1]] });
}

export function useWindow() {
  const { lesion } = state;
  const drawn = drawnMark(lesion);
  if (drawn) act("mark", { slice: lesion.slice, ...drawn, window: state.window });
  else say("only what was drawn can be made again in another window", "wrong");
}

const strokes = (count) => (count ? `, ${count} stroke${count > 1 ? "s" : ""}` : "");

const MADE = { recist: "axes", mask: "a mask", readers: "readers' masks", network: "the network" };

function origin({ label, outline, box }) {
  if (label.strategy !== "mask") return MADE[label.strategy];
  return outline ? "an outline" : box ? "box, GrabCut" : MADE.mask;
}

const digits = ([a, b]) => `${a.toFixed(1)} × ${b.toFixed(1)}`;

function diameters({ diameters_mm: mm, diameters_px: px }) {
  return mm ? `${digits(mm)} mm` : `${digits(px)} px`;
}

function measured() {
  const rows = [];
  const label = state.lesion?.label;
  if (label) {
    rows.push(["mask", diameters(label), "found"]);
    const given = label.given_mm ?? label.given_px;
    if (given) rows.push(["axes", `${digits(given)} ${label.given_mm ? "mm" : "px"}`, "given"]);
    const area = label.area_mm2 === null ? `${label.area_px.toFixed(0)} px` : `${label.area_mm2.toFixed(0)} mm²`;
    rows.push(["area", area], ["quality", label.quality.toFixed(2)]);
    rows.push(["made of", `${origin(state.lesion)}${strokes(state.lesion.strokes.length)}`]);
    const { other, mask } = state;
    if (other && mask) {
      rows.push([other.by, diameters(other.label), "other"]);
      rows.push(["agree", `Dice ${dice(mask, other, state.threshold).toFixed(2)}`, "other"]);
    }
  } else if (state.lesion) {
    rows.push(["", "no mark yet: draw axes,"], ["", "an outline or a box"]);
  }
  by("measured").replaceChildren(...rows.flatMap(([name, text, kind]) => {
    const [term, value] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = name;
    value.textContent = text;
    value.className = kind ?? "";
    return [term, value];
  }));
  const name = by("state");
  name.textContent = state.lesion?.state ?? "";
  name.className = state.lesion?.state ?? "";
}

function buttons() {
  const { lesion } = state;
  by("undo").disabled = !lesion?.undoable;
  by("redo").disabled = !lesion?.redoable;
  by("clear").disabled = !clearable();
  by("volume").disabled = !(lesion?.label && lesion.slices > 1);
  by("volume").setAttribute("aria-pressed", String(Boolean(lesion?.volume)));
  by("given").disabled = !lesion?.given || !(lesion.drawn || lesion.strokes.length || lesion.volume);
  by("matted").disabled = !drawnMark(lesion) || !lesion.label || same(lesion.label.window, state.window);
  by("accept").disabled = !lesion?.label;
  for (const [id, decision] of [["accept", "accepted"], ["reject", "rejected"], ["unsure", "unsure"]]) {
    by(id).setAttribute("aria-pressed", String(lesion?.decision === decision));
    if (id !== "accept") by(id).disabled = !lesion;
  }
  by("another").disabled = !lesion;
  if (document.activeElement !== by("comment")) by("comment").value = lesion?.comment ?? "";
}

function settings() {
  by("radius").value = state.radius;
  by("radius-value").textContent = `${state.radius} px`;
  by("snap").checked = state.snap;
  by("overlay").value = state.overlay;
  by("opacity").value = state.opacity;
  by("threshold").value = state.threshold;
  by("threshold-value").textContent = state.threshold.toFixed(2);
  for (const box of by("tools").children) {
    box.setAttribute("aria-checked", String(box.dataset.tool === state.tool));
  }
}

function windows() {
  if (!state.window) return;
  const found = presets();
  by("preset").replaceChildren(
    ...found.map(([name], k) => new Option(`${k}  ${name}`, String(k))), new Option("as dragged", "-1"),
  );
  by("preset").value = String(found.findIndex(([, window]) => same(window, state.window)));
  by("window-value").textContent = `${written(state.window)}${state.slice?.unit === "HU" ? " HU" : ""}`;
}

export function startPanel() {
  for (const [name, { key, name: title }] of Object.entries(TOOLS)) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.tool = name;
    button.setAttribute("role", "radio");
    const hint = document.createElement("kbd");
    hint.textContent = key;
    button.append(`${title} `, hint);
    button.addEventListener("click", () => chooseTool(name));
    by("tools").append(button);
  }
  for (const name of OVERLAYS) by("overlay").append(new Option(name, name));
  for (const field of ["radius", "opacity", "threshold"]) {
    by(field).addEventListener("input", () => change({ [field]: Number(by(field).value) }));
  }
  by("overlay").addEventListener("change", () => change({ overlay: by("overlay").value }));
  by("snap").addEventListener("change", () => change({ snap: by("snap").checked }));
  by("preset").addEventListener("change", () => choosePreset(Number(by("preset").value)));
  by("matted").addEventListener("click", useWindow);
  by("undo").addEventListener("click", () => act("undo"));
  by("redo").addEventListener("click", () => act("redo"));
  by("clear").addEventListener("click", clearHere);
  by("volume").addEventListener("click", switchVolume);
  by("given").addEventListener("click", () => act("given"));
  by("accept").addEventListener("click", () => decide("accepted"));
  by("reject").addEventListener("click", () => decide("rejected"));
  by("unsure").addEventListener("click", () => decide("unsure"));
  by("comment").addEventListener("change", () => {
    if (state.lesion && by("comment").value !== state.lesion.comment) act("comment", { text: by("comment").value });
  });
  onChange(["lesion", "other", "threshold"], measured);
  onChange(["lesion"], buttons);
  onChange(["window", "slice"], buttons);
  onChange(["tool", "radius", "snap", "overlay", "opacity", "threshold"], settings);
  onChange(["window", "slice", "opened"], windows);
  settings();
  buttons();
}
