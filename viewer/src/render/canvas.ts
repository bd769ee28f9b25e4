// Draws with the canvas's own two-dimensional functions, where there is no WebGL2.

import { samplesOfPicture } from "../frames";
import { compose } from "./compose";
import { sameShading, type Renderer, type Scene, type Shading } from "./scene";

export class CanvasRenderer implements Renderer {
  readonly kind = "canvas";
  private readonly context: CanvasRenderingContext2D;
  private readonly image = document.createElement("canvas");
  private composed: Shading | null = null;

  constructor(private readonly canvas: HTMLCanvasElement) {
    const context = canvas.getContext("2d", { alpha: false });
    if (!context) throw new Error("The browser has no two-dimensional canvas.");
    this.context = context;
  }

  draw({ shading, view }: Scene, width: number, height: number): boolean {
    if (this.canvas.width !== width || this.canvas.height !== height) [this.canvas.width, this.canvas.height] = [width, height];
    const { context } = this;
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, height);
    if (!shading) return true;
    if (!sameShading(this.composed, shading)) {
      composeOn(this.image, shading);
      this.composed = shading;
    }
    context.imageSmoothingEnabled = view.zoom !== 1;
    context.imageSmoothingQuality = view.zoom < 1 ? "high" : "low";
    context.drawImage(this.image, view.left, view.top, this.image.width * view.zoom, this.image.height * view.zoom);
    return true;
  }

  dispose(): void {
    this.image.width = this.image.height = 0;
    this.composed = null;
  }
}

/** Makes a canvas of the frame as shown, at its own resolution. */
export function composeOn(canvas: HTMLCanvasElement, shading: Shading): void {
  const { width, height } = shading.picture.frame;
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  if (!context) throw new Error("The browser has no two-dimensional canvas.");
  context.putImageData(new ImageData(compose(shading, samplesOfPicture(shading.picture)), width, height), 0, 0);
}
