// Tables are sorted by the buttons of their heads. A cell without a value comes last.
const texts = new Intl.Collator("en", { numeric: true });

function valueOf(row, column) {
  const cell = row.cells[column];
  if (!cell || "missing" in cell.dataset) return null;
  return cell.dataset.value === undefined ? cell.textContent.trim() : Number(cell.dataset.value);
}

function compare(a, b) {
  return typeof a === "number" && typeof b === "number" ? a - b : texts.compare(a, b);
}

function sortTable(head) {
  const before = head.getAttribute("aria-sort");
  const first = head.dataset.first || "ascending";
  const other = first === "ascending" ? "descending" : "ascending";
  const order = before === first ? other : first;
  for (const cell of head.parentElement.cells) cell.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", order);
  const body = head.closest("table").tBodies[0];
  const sign = order === "ascending" ? 1 : -1;
  const rows = [...body.rows].map((row) => [row, valueOf(row, head.cellIndex)]);
  rows.sort(([, a], [, b]) =>
    a === null || b === null ? (a === null) - (b === null) : sign * compare(a, b));
  body.append(...rows.map(([row]) => row));
}

for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => sortTable(button.closest("th")));
}

// What a word means is shown beside it, on hover and on focus, until it is left or Escape is pressed.
const tip = document.getElementById("tip");
let told = null;

function tell(word) {
  const meanings = word.getAttribute("aria-describedby").split(" ").map((id) => document.getElementById(id));
  tip.replaceChildren(...meanings.filter(Boolean).map((meaning) => {
    const line = document.createElement("p");
    const name = document.createElement("b");
    name.textContent = meaning.previousElementSibling.textContent;
    line.append(name, ": ", meaning.textContent);
    return line;
  }));
  told = word;
  tip.hidden = false;
  const box = word.getBoundingClientRect();
  const left = Math.min(box.left, document.documentElement.clientWidth - tip.offsetWidth - 8);
  const below = box.bottom + tip.offsetHeight + 8 < window.innerHeight;
  tip.style.left = `${Math.max(8, left) + window.scrollX}px`;
  tip.style.top = `${(below ? box.bottom : box.top - tip.offsetHeight) + window.scrollY}px`;
}

function hush() {
  tip.hidden = true;
  told = null;
}

for (const word of document.querySelectorAll("[aria-describedby^=word]")) {
  word.addEventListener("mouseenter", () => tell(word));
  word.addEventListener("focus", () => tell(word));
  word.addEventListener("blur", hush);
  word.addEventListener("mouseleave", (event) => {
    if (!tip.contains(event.relatedTarget) && document.activeElement !== word) hush();
  });
}
tip.addEventListener("mouseleave", () => {
  if (document.activeElement !== told) hush();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") hush();
});

// On paper nothing can be unfolded.
let folded = [];
window.addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  for (const details of folded) details.open = true;
});
window.addEventListener("afterprint", () => {
  for (const details of folded) details.open = false;
});
