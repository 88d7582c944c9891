// What a press, a move and a release on an image do: a mark, a click, a brush. Points are [x, y] in
// pixels of the image, from a mouse, a pen or the keys alike.

import { end, long, middle, moved, nearestEnd, ordered, perpendicular, short } from "./geometry.js";
import { drawn, mayBrush } from "./here.js";
import { say } from "./message.js";
import { clickAt, mark, act } from "./session.js";
import { box, outline } from "./shapes.js";
import { change, state } from "./state.js";

const REACH = 9; // pixels of the screen from which an end is taken hold of
const LEAST = 0.75; // pixels of the image below which an axis was not meant

const axes = {
  held: -1,

  down(point, reach) {
    const { draft } = state;
    const there = draft ? null : drawn("recist");
    this.held = there ? nearestEnd(there, point, reach) : -1;
    if (this.held >= 0) change({ draft: [...there] });
    else if (draft?.length === 4) change({ draft: [...draft, ...point, ...point] });
    else change({ draft: [...point, ...point] });
  },

  move(point) {
    const { draft, snap } = state;
    if (!draft) return;
    if (this.held >= 0) change({ draft: moved(drawn("recist"), this.held, point, snap) });
    else if (draft.length === 4) change({ draft: [...draft.slice(0, 2), ...point] });
    else {
      const start = end(draft, 2);
      const stop = snap ? perpendicular(long(draft), start, point) : point;
      change({ draft: [...draft.slice(0, 6), ...stop] });
    }
  },

  up() {
    const { draft, slice } = state;
    if (!draft) return;
    const last = draft.length < 8 ? draft : short(draft);
    if (this.held < 0 && Math.hypot(last[2] - last[0], last[3] - last[1]) < LEAST) {
      change({ draft: draft.length < 8 ? null : long(draft) });
    } else if (draft.length === 4) {
      say("now the short axis; Escape begins again");
    } else {
      this.held = -1;
      mark({ recist: ordered(draft, slice.spacing_mm ?? [1, 1]) }).then((done) => {
        if (!done) change({ draft: null });
      });
    }
  },
};

const point = {
  single: true,
  down() {},
  move() {},
  up(place) {
    clickAt(place);
  },
};

function brush(value) {
  return {
    down(place) {
      change({ stroke: { value, radius: state.radius, points: [place] } });
    },

    move(place) {
      const { stroke } = state;
      if (!stroke) return;
      const last = stroke.points.at(-1);
      if (Math.hypot(place[0] - last[0], place[1] - last[1]) < 0.25) return;
      change({ stroke: { ...stroke, points: [...stroke.points, place].slice(0, 2000) } });
    },

    up() {
      const { stroke, slice } = state;
      if (!stroke) return;
      if (!mayBrush()) {
        change({ stroke: null });
        say("mark the lesion first, or make its volume: a brush corrects a soft mask", "wrong");
        return;
      }
      act("stroke", { ...stroke, slice: slice.index }).then((done) => {
        if (!done) change({ stroke: null });
      });
    },
  };
}

const CORNERS = "click corners or drag along the border; a double click, Enter or the first corner closes";
const AROUND = "drag a box around the lesion: outside is background, GrabCut finds the lesion inside";

export const TOOLS = {
  axes: { key: "x", name: "Axes", ...axes },
  click: { key: "c", name: "Click", ...point },
  outline: { key: "p", name: "Outline", hint: CORNERS, ...outline },
  box: { key: "t", name: "Box", hint: AROUND, ...box },
  lesion: { key: "b", name: "+ Lesion", ...brush("lesion") },
  background: { key: "v", name: "\u2212 Background", ...brush("background") },
  unknown: { key: "g", name: "? Unknown", ...brush("unknown") },
};

export const tool = () => TOOLS[state.tool];

export const reachOf = (view) => REACH / view.zoom;

export function cancel() {
  TOOLS.axes.held = TOOLS.outline.held = -1;
  change({ draft: null, stroke: null, shape: null });
  say(tool().hint ?? "");
}

// Where the lesion is: for a view to be centred on.
export function lesionPlace() {
  const { lesion } = state;
  if (lesion?.recist) return { at: middle(lesion.recist), size: sizeOf(lesion.recist) };
  if (lesion?.label) return { at: middle(lesion.label.axes), size: sizeOf(lesion.label.axes) };
  return null;
}

const sizeOf = ([x1, y1, x2, y2]) => Math.hypot(x2 - x1, y2 - y1);
