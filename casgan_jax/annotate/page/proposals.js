// Which soft mask counts, and which one it is compared with: shown where there is more than one.

import { kinds } from "./compare.js";
import { act, reloadNetwork } from "./session.js";
import { change, onChange, state } from "./state.js";

const by = (id) => document.getElementById(id);

function choices(box, names, chosen) {
  box.replaceChildren(...names.map((name) => new Option(name || "nothing", name)));
  box.value = chosen;
}

function show() {
  const { network, finished, lesion, compare } = state;
  by("proposals").hidden = !(network || finished);
  by("by").disabled = by("compare").disabled = !lesion?.label;
  choices(by("by"), network ? ["matting", "network"] : ["matting"], lesion?.by ?? "matting");
  choices(by("compare"), ["", ...kinds()], compare);
  by("reload").hidden = !network;
}

export function startProposals() {
  by("by").addEventListener("change", () => act("propose", { by: by("by").value }));
  by("compare").addEventListener("change", () => change({ compare: by("compare").value }));
  by("reload").addEventListener("click", reloadNetwork);
  onChange(["lesion", "network", "finished", "compare", "other"], show);
  show();
}
