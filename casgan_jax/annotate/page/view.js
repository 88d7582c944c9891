// Where an image lies on a canvas: its centre, and how many screen pixels a pixel has.

export class View {
  constructor(canvas) {
    this.canvas = canvas;
    this.zoom = 1;
    this.x = 0; // of the image, in the middle of the canvas
    this.y = 0;
  }

  // Sizes in CSS pixels.
  get width() { return this.canvas.clientWidth; }
  get height() { return this.canvas.clientHeight; }

  toScreen([x, y]) {
    return [(x - this.x) * this.zoom + this.width / 2, (y - this.y) * this.zoom + this.height / 2];
  }

  toImage([left, top]) {
    return [(left - this.width / 2) / this.zoom + this.x, (top - this.height / 2) / this.zoom + this.y];
  }

  centre([x, y], field) {
    [this.x, this.y] = [x, y];
    if (field) this.zoom = Math.min(this.width, this.height) / field;
  }

  fit(width, height) {
    this.zoom = Math.min(this.width / width, this.height / height);
    [this.x, this.y] = [(width - 1) / 2, (height - 1) / 2];
  }

  // A point of the screen keeps its point of the image.
  zoomBy(factor, at = [this.width / 2, this.height / 2]) {
    const [x, y] = this.toImage(at);
    this.zoom = Math.min(Math.max(this.zoom * factor, 0.1), 64);
    const [now, below] = this.toImage(at);
    this.x += x - now;
    this.y += y - below;
  }

  pan(right, down) {
    this.x -= right / this.zoom;
    this.y -= down / this.zoom;
  }

  // A drawing context in CSS pixels, cleared.
  context() {
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(this.width * ratio), Math.round(this.height * ratio)];
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    const context = this.canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    return context;
  }
}
