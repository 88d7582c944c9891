// Mouse, pen and wheel on a canvas: tools by the left button, panning by the middle one or with
// Shift, the window by the right one.

import { scroll } from "./session.js";
import { change, state } from "./state.js";
import { reachOf, tool } from "./tools.js";

const NOTCH = 60; // of the wheel, for a slice

export function listen(view, redraw) {
  const { canvas } = view;
  let drag = null;
  let turned = 0;

  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return view.toImage([event.clientX - box.left, event.clientY - box.top]);
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (!state.slice || !state.lesion) return;
    canvas.setPointerCapture(event.pointerId);
    canvas.focus({ preventScroll: true });
    const kind = event.button === 2 ? "window" : event.button === 1 || event.shiftKey ? "pan" : "tool";
    drag = { kind, x: event.clientX, y: event.clientY, window: state.window };
    if (kind === "tool") tool().down(place(event), reachOf(view));
    event.preventDefault();
  });

  canvas.addEventListener("pointermove", (event) => {
    if (!state.slice) return;
    const [x, y] = place(event);
    if (drag?.kind === "pan") {
      view.pan(event.clientX - drag.x, event.clientY - drag.y);
      [drag.x, drag.y] = [event.clientX, event.clientY];
      redraw();
    } else if (drag?.kind === "window") {
      change({ window: dragged(drag, event) });
    } else if (drag?.kind === "tool") {
      tool().move([x, y]);
    }
    change({ cursor: { x, y, view, byKeys: false } });
  });

  canvas.addEventListener("pointerup", (event) => {
    if (drag?.kind === "tool") tool().up(place(event));
    drag = null;
  });

  canvas.addEventListener("dblclick", () => tool().close?.());
  canvas.addEventListener("pointercancel", () => { drag = null; });
  canvas.addEventListener("pointerleave", () => { if (!drag) change({ cursor: null }); });
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());

  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (event.ctrlKey) {
      const box = canvas.getBoundingClientRect();
      view.zoomBy(Math.exp(-event.deltaY / 300), [event.clientX - box.left, event.clientY - box.top]);
      redraw();
      return;
    }
    turned += event.deltaMode ? event.deltaY * NOTCH : event.deltaY;
    const steps = Math.trunc(turned / NOTCH);
    turned -= steps * NOTCH;
    if (steps) scroll(steps);
  }, { passive: false });
}

// To the right the window gets wider, downwards the image gets brighter.
function dragged(drag, event) {
  const [low, high] = drag.window;
  const width = (high - low) * Math.exp((event.clientX - drag.x) / 250);
  const level = (low + high) / 2 + ((drag.y - event.clientY) * (high - low)) / 400;
  return [level - width / 2, level + width / 2];
}
