// The line at the bottom: what was done, or why not.

const line = document.getElementById("message");

export function say(text, kind = "") {
  line.textContent = text;
  line.className = kind;
}

export const warn = (text) => say(text, "wrong");
