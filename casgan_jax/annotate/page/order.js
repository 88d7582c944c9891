// Which lesions the list shows, and in what order.

import { state } from "./state.js";

const names = new Intl.Collator("en", { numeric: true });
export const DECIDED = new Set(["accepted", "rejected", "unsure"]);

export const FILTERS = {
  all: () => true,
  open: (row) => !DECIDED.has(row.state),
  new: (row) => row.state === "new",
  drawn: (row) => row.state === "drawn",
  corrected: (row) => row.state === "corrected",
  accepted: (row) => row.state === "accepted",
  rejected: (row) => row.state === "rejected",
  unsure: (row) => row.state === "unsure",
};

export const choice = { filter: "all", sort: "order", search: "" };

// A lesion without a quality comes after those that have one.
const ORDERS = {
  order: () => 0,
  name: (a, b) => names.compare(a.key, b.key),
  worst: (a, b) => (a.quality ?? 2) - (b.quality ?? 2),
};

export function shownLesions() {
  const wanted = choice.search.trim().toLowerCase();
  const has = (row) =>
    !wanted || [row.key, row.picture, row.comment].some((text) => text.toLowerCase().includes(wanted));
  return state.lesions.filter((row) => FILTERS[choice.filter](row) && has(row)).sort(ORDERS[choice.sort]);
}
