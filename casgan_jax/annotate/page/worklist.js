// The list of lesions: only the rows that are seen are in the page, so that 10,000 are as few.

import { choice, DECIDED, FILTERS, shownLesions } from "./order.js";
import { open } from "./session.js";
import { onChange, state } from "./state.js";

const HEIGHT = 40; // pixels of a row, as in style.css
const SIGNS = { new: "○", drawn: "◐", corrected: "◑", accepted: "✓", rejected: "✕", unsure: "?" };

const list = document.getElementById("list");
const rows = document.getElementById("rows");
let shown = [];

function row(lesion, place) {
  const box = document.createElement("div");
  box.className = "row";
  box.id = `row-${place}`;
  box.setAttribute("role", "option");
  box.setAttribute("aria-selected", String(lesion.key === state.lesion?.key));
  box.style.top = `${place * HEIGHT}px`;
  const name = document.createElement("b");
  name.textContent = lesion.key;
  name.title = lesion.picture;
  const quality = document.createElement("small");
  quality.textContent = lesion.quality === null ? "" : lesion.quality.toFixed(2);
  quality.title = "quality";
  const about = document.createElement("small");
  about.className = lesion.state;
  about.textContent = `${SIGNS[lesion.state]} ${lesion.state}${lesion.marked ? "" : ", no mark"}`;
  box.append(name, quality, about);
  box.addEventListener("click", () => open(lesion.key));
  return box;
}

function draw() {
  rows.style.height = `${shown.length * HEIGHT}px`;
  const first = Math.max(0, Math.floor(list.scrollTop / HEIGHT) - 2);
  const count = Math.ceil(list.clientHeight / HEIGHT) + 4;
  const seen = shown.slice(first, first + count);
  rows.replaceChildren(...seen.map((lesion, k) => row(lesion, first + k)));
  const here = shown.findIndex((lesion) => lesion.key === state.lesion?.key);
  if (here >= 0) list.setAttribute("aria-activedescendant", `row-${here}`);
}

function arrange() {
  shown = shownLesions();
  const decided = state.lesions.filter((one) => DECIDED.has(one.state)).length;
  const bar = document.getElementById("progress");
  bar.max = Math.max(state.lesions.length, 1);
  bar.value = decided;
  document.getElementById("progress-text").textContent =
    `${decided} of ${state.lesions.length} decided, ${state.today ?? 0} today`;
  draw();
}

function reveal() {
  const here = shown.findIndex((lesion) => lesion.key === state.lesion?.key);
  if (here < 0) return;
  const top = here * HEIGHT;
  if (top < list.scrollTop) list.scrollTop = top;
  if (top + HEIGHT > list.scrollTop + list.clientHeight) {
    list.scrollTop = top + HEIGHT - list.clientHeight;
  }
}

export function startList() {
  const filter = document.getElementById("filter");
  for (const name of Object.keys(FILTERS)) filter.append(new Option(name, name));
  const sort = document.getElementById("sort");
  sort.value = choice.sort;
  const search = document.getElementById("search");
  filter.addEventListener("change", () => { choice.filter = filter.value; arrange(); });
  sort.addEventListener("change", () => { choice.sort = sort.value; arrange(); });
  search.addEventListener("input", () => { choice.search = search.value; arrange(); });
  list.addEventListener("scroll", draw);
  new ResizeObserver(draw).observe(list);
  onChange(["lesions", "today"], arrange);
  onChange(["lesion"], () => { reveal(); draw(); });
}
