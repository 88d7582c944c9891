// Starts the page: the list, the panel, the two views, the keys.

import { startCompare } from "./compare.js";
import { startKeys } from "./keys.js";
import { warn } from "./message.js";
import { paint } from "./paint.js";
import { startPanel } from "./panel.js";
import { startProposals } from "./proposals.js";
import { listen } from "./pointer.js";
import { another, exportAccepted, loadWork, open, step } from "./session.js";
import { onChange, state } from "./state.js";
import { startStrip } from "./strip.js";
import { lesionPlace } from "./tools.js";
import { View } from "./view.js";
import { startList } from "./worklist.js";

const LEAST_FIELD = 48; // pixels of the image beside a small lesion
const FIELD = 2.6; // the same in long axes
const POLL = 10_000; // ms after which the list is asked for again: qualities are found meanwhile

const by = (id) => document.getElementById(id);
const whole = new View(by("whole"));
const zoom = new View(by("zoom"));
export const views = { whole, zoom };

let planned = false;

// Many changes, one picture.
function redraw() {
  if (planned) return;
  planned = true;
  requestAnimationFrame(() => {
    planned = false;
    Object.values(views).forEach(paint);
  });
}

function showLesion() {
  const place = lesionPlace();
  const { slice } = state;
  if (place) zoom.centre(place.at, Math.max(LEAST_FIELD, FIELD * place.size));
  else if (slice) zoom.centre([(slice.width - 1) / 2, (slice.height - 1) / 2], Math.min(slice.width, slice.height) / 2.5);
}

function fit() {
  if (state.slice) whole.fit(state.slice.width, state.slice.height);
  showLesion();
  redraw();
}

function failures() {
  const lines = state.failures ?? [];
  const button = by("failures-button");
  button.hidden = !lines.length;
  button.textContent = `${lines.length} cannot be used`;
  const title = document.createElement("h2");
  title.textContent = "What cannot be used (Escape closes)";
  const list = document.createElement("table");
  for (const line of lines) list.insertRow().insertCell().textContent = line;
  by("failures").replaceChildren(title, list);
}

async function start() {
  startList();
  startPanel();
  startCompare();
  startProposals();
  startStrip(fit);
  for (const view of Object.values(views)) listen(view, redraw);
  const current = () => (document.activeElement === whole.canvas ? whole : zoom);
  startKeys({ current, fit, redraw });
  onChange(["slice", "window", "mask", "volume", "lesion", "overlay", "opacity", "threshold", "smooth", "marks",
    "cursor", "draft", "shape", "other", "stroke", "radius", "tool"], redraw);
  onChange(["opened"], () => { if (state.opened) fit(); });
  onChange(["failures"], failures);
  onChange(["reader"], () => { by("reader").textContent = `reader: ${state.reader}`; });
  const sizes = new ResizeObserver(redraw);
  for (const view of Object.values(views)) sizes.observe(view.canvas);
  by("next").addEventListener("click", () => step(1));
  by("previous").addEventListener("click", () => step(-1));
  by("another").addEventListener("click", another);
  by("export").addEventListener("click", exportAccepted);
  by("help").addEventListener("click", () => by("keys").showModal());
  by("failures-button").addEventListener("click", () => by("failures").showModal());
  await loadWork();
  const wanted = decodeURIComponent(location.hash.slice(1));
  const first = state.lesions.find((one) => one.key === wanted) ?? state.lesions[0];
  await open(first?.key);
  setInterval(() => loadWork().catch((error) => warn(error.message)), POLL);
}

start().catch((error) => warn(error.message));
