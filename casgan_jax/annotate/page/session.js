// What a person does to lesions: opened, changed, decided, one action after the other.

import * as api from "./api.js";
import { fetchAhead, slice } from "./slices.js";
import { change, state } from "./state.js";
import { say, warn } from "./message.js";
import { DECIDED, shownLesions } from "./order.js";

let queue = Promise.resolve();

// Actions wait for each other, as each is done on what the one before has left.
function enqueue(work) {
  const done = queue.then(async () => {
    change({ waiting: true });
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof api.Refused)) throw error;
      warn(error.message);
      if (error.status === 409) await refresh(state.lesion.key);
      return null;
    } finally {
      change({ waiting: false });
    }
  });
  queue = done.catch((error) => warn(`the page has a fault: ${error.message}`));
  return done;
}

export async function loadWork() {
  const work = await api.getWork();
  change({
    reader: work.reader, folder: work.folder, lesions: work.lesions, failures: work.failures,
    today: work.today, network: work.network, finished: work.finished,
  });
}

async function refresh(key) {
  await taken(await api.getLesion(key));
}

// A lesion as the server has it now becomes what is shown.
async function taken(lesion) {
  const mask = lesion.label ? await api.getMask(lesion.key) : null;
  const volume = lesion.volume ? await madeVolume(lesion) : null;
  const row = state.lesions.find((one) => one.key === lesion.key);
  if (row) {
    row.state = lesion.state;
    row.quality = lesion.label ? lesion.label.quality : row.quality;
    row.comment = lesion.comment;
    row.marked = Boolean(lesion.label);
  }
  const finished = state.lesions.every((one) => DECIDED.has(one.state));
  const shown = { lesion, mask, volume, lesions: state.lesions, finished };
  change({ ...shown, draft: null, stroke: null, shape: null });
  if (lesion.trouble) warn(lesion.trouble);
}

async function madeVolume(lesion) {
  try {
    return await api.getVolume(lesion.key);
  } catch (error) {
    lesion.trouble ||= error.message;
    return null;
  }
}

async function shownSlice(lesion) {
  try {
    return await slice(lesion.picture, lesion.slice);
  } catch (error) {
    lesion.trouble ||= error.message;
    return null;
  }
}

export function open(key) {
  return enqueue(async () => {
    if (!key) return;
    const lesion = await api.getLesion(key);
    change({ lesion: null, mask: null, volume: null, draft: null, stroke: null, shape: null });
    const shown = lesion.slices ? await shownSlice(lesion) : null;
    const window = lesion.window ?? lesion.label?.window ?? usual(shown);
    change({ picture: lesion.picture, index: lesion.slice, slice: shown, window });
    await taken(lesion);
    change({ opened: key });
    defaults.set(lesion.picture, shown?.window);
    if (shown && lesion.slices > 1) fetchAhead(lesion.picture, lesion.slice, 1, lesion.slices);
    history.replaceState(null, "", `#${encodeURIComponent(key)}`);
  });
}

const defaults = new Map(); // of pictures, their windows

// Whoever looks at livers in one window wants the next CT in the same one.
function usual(shown) {
  const kept = state.slice?.unit === "HU" && shown?.unit === "HU";
  return kept ? state.window : (shown?.window ?? null);
}

export const fileWindow = () => defaults.get(state.picture) ?? state.slice?.window;

let latest = 0;

// Shows another slice of the same image; of many asked for at once only the last is shown.
export async function scroll(steps) {
  const { lesion, picture, index } = state;
  if (!lesion || lesion.slices < 2 || state.draft || state.shape) return;
  const next = Math.min(Math.max(index + steps, 0), lesion.slices - 1);
  if (next === index) return;
  change({ index: next });
  const asked = ++latest;
  fetchAhead(picture, next, Math.sign(steps), lesion.slices);
  try {
    const found = await slice(picture, next);
    if (asked === latest && state.picture === picture) change({ slice: found });
  } catch (error) {
    warn(error.message);
  }
}

const MAKING = new Set(["mark", "stroke", "propose", "volume", "absent"]);

export function act(kind, body = {}) {
  return enqueue(async () => {
    const { lesion } = state;
    if (!lesion) return false;
    const started = performance.now();
    await taken(await api.act(lesion.key, kind, body, lesion.last));
    const { volume, slice: own } = state.lesion;
    if (state.index !== own && !volume && kind !== "comment") await backToLesion();
    if (MAKING.has(kind)) say(`${Math.round(performance.now() - started)} ms`);
    else say("");
    return true;
  });
}

export async function backToLesion() {
  const { lesion } = state;
  if (!lesion?.slices) return;
  change({ index: lesion.slice, slice: await slice(lesion.picture, lesion.slice) });
}

// `drawn` is {recist}, {outline} or {box}.
export function mark(drawn) {
  return act("mark", { slice: state.slice.index, ...drawn, window: state.window });
}

// What was drawn on a lesion, as `mark` takes it; null: its mark is not one that can be drawn.
export function drawnMark(lesion) {
  const kind = ["recist", "outline", "box"].find((one) => lesion?.[one]);
  return kind ? { [kind]: lesion[kind] } : null;
}

export function reloadNetwork() {
  return enqueue(async () => {
    say("reading the network's weights ...");
    await api.reload();
    change({ reloaded: state.reloaded + 1 });
    say("the network's weights were read again", "good");
  });
}

export function clickAt([x, y]) {
  return enqueue(async () => {
    const { lesion, slice: shown, window } = state;
    const place = { slice: shown.index, window };
    const { recist } = await api.click({ key: lesion.key, point: [x, y], ...place });
    await taken(await api.act(lesion.key, "mark", { recist, ...place }, lesion.last));
    say("these axes are proposed; drag their ends");
  });
}

export async function decide(decision) {
  const same = state.lesion?.decision === decision;
  const done = await act("decide", { decision: same ? "" : decision });
  if (done && !same) step(1);
}

// The next lesion of the list as it is filtered and sorted now.
export function step(steps) {
  const rows = shownLesions();
  const here = rows.findIndex((row) => row.key === state.lesion?.key);
  const next = rows[here < 0 ? 0 : here + steps];
  if (next) return open(next.key);
  say(steps > 0 ? "this was the last one" : "this is the first one");
  return null;
}

export function another() {
  return enqueue(async () => {
    const { lesion, index, window } = state;
    const added = await api.add(lesion.picture);
    await loadWork();
    await taken(added);
    change({ opened: null, window, index });
    say(`${added.key}: mark it`);
  });
}

const whole = (volumes) => (volumes ? ` and ${volumes} volume${volumes > 1 ? "s" : ""}` : "");

export function exportAccepted() {
  return enqueue(async () => {
    say("exporting ...");
    const { folder, written, volumes, failed } = await api.exportAccepted();
    if (failed.length) warn(`${written} written to ${folder}, ${failed.length} failed: ${failed[0]}`);
    else say(`${written} accepted lesions${whole(volumes)} written to ${folder}`, "good");
  });
}
