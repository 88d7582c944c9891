// Text on an image, with a dark rim so that it can be read on any ground.

const FONT = "13px system-ui, sans-serif";

export function write(context, text, x, y, colour = "#e6e9ec") {
  context.font = FONT;
  context.lineWidth = 3;
  context.strokeStyle = "#000c";
  context.strokeText(text, x, y);
  context.fillStyle = colour;
  context.fillText(text, x, y);
}

// The end of a title says more than its beginning.
export function shortened(context, text, most) {
  context.font = FONT;
  if (context.measureText(text).width <= most) return text;
  let from = 1;
  while (from < text.length && context.measureText(`\u2026${text.slice(from)}`).width > most) from++;
  return `\u2026${text.slice(from)}`;
}
