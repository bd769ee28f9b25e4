// The canvas of a pane: made, sized, drawn when something changed, and made anew when the browser takes its context away.

import { effect } from "@preact/signals";
import { shadingOf } from "../picture";
import { CanvasRenderer } from "../render/canvas";
import type { Renderer, Scene } from "../render/scene";
import { WebGlRenderer } from "../render/webgl";
import type { Stage } from "../stage";
import type { Pane } from "../state";

/** `?renderer=canvas` does without WebGL, `?renderer=webgl` takes it also without a graphics processor. */
const asked = () => new URLSearchParams(location.search).get("renderer");
/** Contexts that may be lost before WebGL is given up. */
const MOST_LOSSES = 3;

export class Screen {
  private renderer: Renderer;
  private losses = 0;
  private request = 0;
  private scene: Scene | null = null;
  private readonly stops: (() => void)[] = [];

  constructor(
    private readonly element: HTMLElement,
    private readonly pane: Pane,
    private readonly stage: Stage,
  ) {
    this.renderer = this.make(asked() !== "canvas");
    this.watchSize();
    this.stops.push(
      effect(() => {
        void this.stage.surface.value;
        const view = this.stage.view.value;
        const shading = view ? shadingOf(this.pane, this.stage) : null;
        this.scene = { shading, view: view ?? { zoom: 1, left: 0, top: 0 } };
        this.schedule();
      }),
    );
  }

  dispose(): void {
    this.stops.forEach((stop) => stop());
    cancelAnimationFrame(this.request);
    this.element.replaceChildren();
    this.renderer.dispose();
  }

  private schedule(): void {
    if (this.request === 0) this.request = requestAnimationFrame(() => this.draw());
  }

  private draw(): void {
    this.request = 0;
    const surface = this.stage.surface.peek();
    if (!this.scene || !surface) return;
    const drawn = this.renderer.draw(this.scene, surface.width, surface.height);
    if (!drawn) {
      this.replace(false);
      this.renderer.draw(this.scene, surface.width, surface.height);
    }
    // Says to tests and to people with the browser's inspector what is on the canvas.
    const frame = this.scene.shading?.picture.frame;
    const { dataset } = this.element;
    dataset.renderer = this.renderer.kind;
    dataset.drawn = frame ? `${frame.series}/${frame.frame}` : "";
    dataset.overlay = String(Boolean(this.scene.shading?.heat));
  }

  /** A canvas keeps the kind of its first context, so that each renderer has one of its own. */
  private make(webGl: boolean): Renderer {
    const canvas = document.createElement("canvas");
    canvas.className = "picture-canvas";
    let renderer: Renderer | null = null;
    if (webGl) {
      try {
        renderer = new WebGlRenderer(canvas, asked() === "webgl");
      } catch {
        return this.make(false);
      }
    }
    renderer ??= new CanvasRenderer(canvas);
    canvas.addEventListener("webglcontextlost", () => this.lost(canvas));
    this.element.replaceChildren(canvas);
    return renderer;
  }

  private lost(canvas: HTMLCanvasElement): void {
    if (this.element.firstChild !== canvas) return;
    this.losses++;
    this.replace(this.losses <= MOST_LOSSES);
    this.schedule();
  }

  private replace(webGl: boolean): void {
    const old = this.renderer;
    this.renderer = this.make(webGl);
    old.dispose();
  }

  private watchSize(): void {
    const observer = new ResizeObserver((entries) => {
      const entry = entries[entries.length - 1]!;
      const exact = entry.devicePixelContentBoxSize?.[0];
      const css = entry.contentRect;
      const width = exact?.inlineSize ?? Math.round(css.width * devicePixelRatio);
      const height = exact?.blockSize ?? Math.round(css.height * devicePixelRatio);
      const hidden = width < 1 || height < 1 || css.width === 0;
      this.stage.surface.value = hidden ? null : { width, height, ratio: width / css.width };
    });
    try {
      observer.observe(this.element, { box: "device-pixel-content-box" });
    } catch {
      observer.observe(this.element);
    }
    this.stops.push(() => observer.disconnect());
  }
}
