// What was said of the slice that is shown: the lesion's own mark, or that of another slice of a
// lesion with a volume.

import { act } from "./session.js";
import { state } from "./state.js";

// {recist, outline, box, strokes, absent} or null: nothing.
export function saidOf(index) {
  const { lesion } = state;
  if (lesion?.slice === index) return lesion;
  return lesion?.beside.find((one) => one.slice === index) ?? null;
}

const saidHere = () => state.slice && saidOf(state.slice.index);

// The points of a mark on the slice that is shown, as the server has it; null: there is none.
export const drawn = (kind) => saidHere()?.[kind] ?? null;

// A brush corrects a soft mask: on the lesion's own slice, or on any of its volume.
export function mayBrush() {
  const { lesion, slice } = state;
  return Boolean(lesion?.label) && (lesion.volume || lesion.slice === slice.index);
}

export const isOwn = () => state.lesion?.slice === state.slice?.index;

// What `clearHere` would take away: strokes, and of another slice all that was said of it.
export function clearable() {
  const said = saidHere();
  return Boolean(said && (isOwn() ? said.strokes.length : said));
}

export function clearHere() {
  if (clearable()) act("clear", isOwn() ? {} : { slice: state.slice.index });
}

export const isAbsent = () => Boolean(saidHere()?.absent);

export const mayBeAbsent = () => Boolean(state.lesion?.volume && state.slice) && !isOwn();

// The lesion is not in the slice that is shown, and ends before it; or it may be in it again.
export function switchAbsent() {
  if (mayBeAbsent()) act("absent", { slice: state.slice.index, absent: !isAbsent() });
}
