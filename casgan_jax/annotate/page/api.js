// Questions to the server and actions there; what it refuses is an Error with its line.

export class Refused extends Error {
  constructor(line, status) {
    super(line);
    this.status = status;
  }
}

async function ask(address, options = {}) {
  let response;
  try {
    response = await fetch(address, { credentials: "same-origin", ...options });
  } catch {
    throw new Refused("the server does not answer: is the command still running?", 0);
  }
  if (response.ok) return response;
  const text = await response.text();
  let line = text.trim();
  try {
    line = JSON.parse(text).error;
  } catch {
    // Not every refusal comes from the application.
  }
  throw new Refused(line, response.status);
}

async function get(address, query = {}) {
  const text = new URLSearchParams(query).toString();
  return ask(text ? `${address}?${text}` : address);
}

async function post(address, body) {
  const headers = { "Content-Type": "application/json" };
  return (await ask(address, { method: "POST", headers, body: JSON.stringify(body) })).json();
}

export const getWork = async () => (await get("/api/work")).json();
export const getLesion = async (key) => (await get("/api/lesion", { key })).json();
export const act = (key, kind, body, after) => post("/api/act", { key, kind, body, after });
export const click = (body) => post("/api/click", body);
export const add = (picture) => post("/api/add", { picture });
export const reload = () => post("/api/reload", {});
export const exportAccepted = () => post("/api/export", {});

// {label, width, height, alpha, trimap}: bytes at `label.scale` times the image's resolution.
export const getMask = async (key) => planes(await get("/api/mask", { key }));

// The same `by` matting or the network, or the consensus of all readers.
export const getProposal = async (key, by) => planes(await get("/api/proposal", { key, by }));

async function planes(response) {
  const label = JSON.parse(response.headers.get("X-Label"));
  const bytes = new Uint8Array(await response.arrayBuffer());
  const [left, top, right, bottom] = label.box;
  const width = label.scale * (right - left);
  const height = label.scale * (bottom - top);
  const count = width * height;
  return { label, width, height, alpha: bytes.subarray(0, count), trimap: bytes.subarray(count) };
}

// What is measured on the lesion's volume; values and soft mask of its slices, one after the other.
export async function getVolume(key) {
  const response = await get("/api/volume", { key });
  const about = JSON.parse(response.headers.get("X-Volume"));
  const bytes = await response.arrayBuffer();
  const [left, top, right, bottom] = about.box;
  const count = about.count * (right - left) * (bottom - top);
  const values = new ARRAYS[about.type](bytes, 0, count);
  return { ...about, values, alpha: new Uint8Array(bytes, values.byteLength) };
}

const ARRAYS = { uint8: Uint8Array, uint16: Uint16Array, int16: Int16Array, float32: Float32Array };

// What the server tells of a slice, and its values.
export async function getSlice(picture, index, signal) {
  const response = await ask(
    `/api/slice?${new URLSearchParams({ picture, index: String(index) })}`, { signal },
  );
  const about = JSON.parse(response.headers.get("X-Slice"));
  return { ...about, picture, index, values: new ARRAYS[about.type](await response.arrayBuffer()) };
}
