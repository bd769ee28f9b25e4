// Draws with WebGL2, in two steps: the frame is shaded at its own resolution when it, its window or its overlay changed,
// and the result is scaled into place, so that what flows into each other are windowed values.

import type { PixelFormat } from "../api/types";
import type { Picture } from "../frames";
import { isColour } from "../windowing";
import { heatScale, sameShading, type Heat, type Renderer, type Scene, type Shading } from "./scene";
import { COVERING, PLACED, PLACING, shade, type SamplerType } from "./shaders";

interface Layout {
  internal: number;
  format: number;
  type: number;
  sampler: SamplerType;
  /** What a normalised sample of 1 is stored as; 0: samples are not normalised. */
  unit: number;
}

/** How samples lie in a texture; `decoded`: as the browser decodes a JPEG. */
function layoutOf(gl: WebGL2RenderingContext, format: PixelFormat, decoded: boolean): Layout {
  const bytes = { type: gl.UNSIGNED_BYTE, sampler: "sampler2D", unit: 255 } as const;
  if (decoded) return { internal: gl.RGBA8, format: gl.RGBA, ...bytes };
  switch (format) {
    case "GRAY8":
      return { internal: gl.R8, format: gl.RED, ...bytes };
    case "GRAY16":
      return { internal: gl.R16UI, format: gl.RED_INTEGER, type: gl.UNSIGNED_SHORT, sampler: "usampler2D", unit: 0 };
    case "GRAY_S16":
      return { internal: gl.R16I, format: gl.RED_INTEGER, type: gl.SHORT, sampler: "isampler2D", unit: 0 };
    case "GRAY_F32":
      return { internal: gl.R32F, format: gl.RED, type: gl.FLOAT, sampler: "sampler2D", unit: 0 };
    case "RGB8":
      return { internal: gl.RGB8, format: gl.RGB, ...bytes };
    case "RGBA8":
      return { internal: gl.RGBA8, format: gl.RGBA, ...bytes };
  }
}

/** A texture that is filled again and again, and made anew only when its size or format changes. */
class Texture {
  readonly texture: WebGLTexture;
  private shape = "";

  constructor(private readonly gl: WebGL2RenderingContext) {
    this.texture = gl.createTexture();
  }

  bind(unit: number): void {
    this.gl.activeTexture(this.gl.TEXTURE0 + unit);
    this.gl.bindTexture(this.gl.TEXTURE_2D, this.texture);
  }

  fill(unit: number, width: number, height: number, layout: Omit<Layout, "sampler" | "unit">, source: ArrayBufferView | ImageBitmap | null): void {
    const { gl } = this;
    const { internal, format, type } = layout;
    this.bind(unit);
    const shape = `${width} ${height} ${internal}`;
    if (shape !== this.shape) {
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
      gl.texImage2D(gl.TEXTURE_2D, 0, internal, width, height, 0, format, type, null);
      this.shape = shape;
    }
    if (source === null) return;
    if (ArrayBuffer.isView(source)) gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, width, height, format, type, source);
    else gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, format, type, source);
  }

  dispose(): void {
    this.gl.deleteTexture(this.texture);
  }
}

class Program {
  readonly program: WebGLProgram;
  private readonly places = new Map<string, WebGLUniformLocation | null>();

  constructor(
    private readonly gl: WebGL2RenderingContext,
    vertex: string,
    fragment: string,
  ) {
    this.program = gl.createProgram();
    for (const [kind, source] of [
      [gl.VERTEX_SHADER, vertex],
      [gl.FRAGMENT_SHADER, fragment],
    ] as const) {
      const shader = gl.createShader(kind);
      if (!shader) throw new Error("WebGL makes no shader.");
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(this.program, shader);
      gl.deleteShader(shader);
    }
    gl.linkProgram(this.program);
    if (!gl.getProgramParameter(this.program, gl.LINK_STATUS)) {
      throw new Error(`WebGL does not take a program: ${gl.getProgramInfoLog(this.program)}`);
    }
  }

  use(): void {
    this.gl.useProgram(this.program);
  }

  place(name: string): WebGLUniformLocation | null {
    if (!this.places.has(name)) this.places.set(name, this.gl.getUniformLocation(this.program, name));
    return this.places.get(name) ?? null;
  }
}

/** Whether the processor computes what a graphics processor should; not all browsers call that a performance caveat. */
function isSoftware(gl: WebGL2RenderingContext): boolean {
  const told = gl.getExtension("WEBGL_debug_renderer_info")?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER;
  return /swiftshader|llvmpipe|softpipe|software|basic render/i.test(String(gl.getParameter(told)));
}

/** Units that textures are bound to. */
const UNIT = { samples: 0, heat: 1, colours: 2, image: 3 } as const;
/** Below it a plain linear filter would skip pixels, and levels of half the size each are used. */
const LEVELS_BELOW = 0.6;

export class WebGlRenderer implements Renderer {
  readonly kind = "webgl";
  private readonly gl: WebGL2RenderingContext;
  private readonly most: number;
  private readonly shaders = new Map<SamplerType, Program>();
  private readonly placing: Program;
  private readonly samples: Texture;
  private readonly heat: Texture;
  private readonly colours: Texture;
  private readonly image: Texture;
  private readonly target: WebGLFramebuffer;
  private picture: Picture | null = null;
  private layout: Layout | null = null;
  private values: Float32Array | null = null;
  private table: Uint8Array | null = null;
  private shaded: Shading | null = null;
  private hasLevels = false;

  /**
   * Fails where there is no WebGL2 or, unless `any`, where it is not computed by a graphics processor: the two-dimensional
   * canvas is faster then.
   */
  constructor(
    private readonly canvas: HTMLCanvasElement,
    any: boolean,
  ) {
    const gl = canvas.getContext("webgl2", {
      alpha: false,
      antialias: false,
      depth: false,
      stencil: false,
      failIfMajorPerformanceCaveat: !any,
    });
    if (!gl || (!any && isSoftware(gl))) throw new Error("The browser has no WebGL2 that is worth using.");
    this.gl = gl;
    this.most = gl.getParameter(gl.MAX_TEXTURE_SIZE) as number;
    this.placing = new Program(gl, PLACING, PLACED);
    this.samples = new Texture(gl);
    this.heat = new Texture(gl);
    this.colours = new Texture(gl);
    this.image = new Texture(gl);
    this.target = gl.createFramebuffer();
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
    gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
    gl.disable(gl.DITHER);
    // Samplers of one type only may share a unit, also while nothing is drawn.
    this.heat.fill(UNIT.heat, 1, 1, { internal: gl.R32F, format: gl.RED, type: gl.FLOAT }, new Float32Array(1));
  }

  draw({ shading, view }: Scene, width: number, height: number): boolean {
    const { gl, canvas } = this;
    if (gl.isContextLost()) return true;
    if (shading && Math.max(shading.picture.frame.width, shading.picture.frame.height) > this.most) return false;
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    if (shading && !sameShading(this.shaded, shading)) this.shade(shading);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    if (!shading) return true;
    const { frame } = shading.picture;
    this.image.bind(UNIT.image);
    const levels = view.zoom < LEVELS_BELOW;
    if (levels && !this.hasLevels) {
      gl.generateMipmap(gl.TEXTURE_2D);
      this.hasLevels = true;
    }
    const linear = view.zoom !== 1;
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, linear ? gl.LINEAR : gl.NEAREST);
    gl.texParameteri(
      gl.TEXTURE_2D,
      gl.TEXTURE_MIN_FILTER,
      levels ? gl.LINEAR_MIPMAP_LINEAR : linear ? gl.LINEAR : gl.NEAREST,
    );
    this.placing.use();
    gl.uniform1i(this.placing.place("image"), UNIT.image);
    gl.uniform1f(this.placing.place("bias"), levels ? -0.5 : 0);
    const clip = (value: number, length: number) => (2 * value) / length - 1;
    gl.uniform4f(
      this.placing.place("place"),
      clip(view.left, width),
      -clip(view.top, height),
      clip(view.left + frame.width * view.zoom, width),
      -clip(view.top + frame.height * view.zoom, height),
    );
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    return true;
  }

  /** Makes `image` of the frame, its window and its overlay. */
  private shade(shading: Shading): void {
    const { gl } = this;
    const { frame } = shading.picture;
    const layout = this.upload(shading.picture);
    const covered =
      shading.heat !== null && shading.heat.width === frame.width && shading.heat.height === frame.height && shading.overlay.alpha > 0;
    if (covered) this.uploadHeat(shading.heat!);
    if (covered && this.table !== shading.colours) {
      this.table = shading.colours;
      const colours = { internal: gl.RGB8, format: gl.RGB, type: gl.UNSIGNED_BYTE };
      this.colours.fill(UNIT.colours, 256, 1, colours, shading.colours);
    }
    this.image.fill(UNIT.image, frame.width, frame.height, { internal: gl.RGBA8, format: gl.RGBA, type: gl.UNSIGNED_BYTE }, null);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.target);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, this.image.texture, 0);
    gl.viewport(0, 0, frame.width, frame.height);
    const program = this.shader(layout.sampler);
    program.use();
    const [low, high] = shading.window;
    const threshold = !(high > low);
    gl.uniform1i(program.place("samples"), UNIT.samples);
    gl.uniform1i(program.place("heat"), UNIT.heat);
    gl.uniform1i(program.place("colours"), UNIT.colours);
    gl.uniform1i(program.place("colour"), isColour(frame.format) ? 1 : 0);
    gl.uniform1f(program.place("unit"), layout.unit);
    gl.uniform1f(program.place("offset"), (low - frame.intercept) / frame.slope);
    gl.uniform1f(program.place("rise"), threshold ? Math.sign(frame.slope) : frame.slope / (high - low));
    gl.uniform1i(program.place("threshold"), threshold ? 1 : 0);
    gl.uniform1i(program.place("invert"), shading.invert ? 1 : 0);
    const scale = covered ? heatScale(shading.heat!, shading.overlay) : { low: 0, span: 0 };
    gl.uniform1i(program.place("covered"), covered ? 1 : 0);
    gl.uniform1f(program.place("low"), scale.low);
    gl.uniform1f(program.place("span"), scale.span);
    gl.uniform1f(program.place("alpha"), shading.overlay.alpha);
    gl.uniform1f(program.place("hide_below"), shading.overlay.hideBelow);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    this.shaded = shading;
    this.hasLevels = false;
  }

  private upload(picture: Picture): Layout {
    if (this.picture === picture && this.layout) return this.layout;
    const { frame, samples, bitmap } = picture;
    const layout = layoutOf(this.gl, frame.format, bitmap !== null);
    this.samples.fill(UNIT.samples, frame.width, frame.height, layout, bitmap ?? samples);
    this.picture = picture;
    this.layout = layout;
    return layout;
  }

  private uploadHeat({ values, width, height }: Heat): void {
    if (this.values === values) return;
    const { gl } = this;
    this.heat.fill(UNIT.heat, width, height, { internal: gl.R32F, format: gl.RED, type: gl.FLOAT }, values);
    this.values = values;
  }

  private shader(sampler: SamplerType): Program {
    let program = this.shaders.get(sampler);
    if (!program) {
      program = new Program(this.gl, COVERING, shade(sampler));
      this.shaders.set(sampler, program);
    }
    return program;
  }

  dispose(): void {
    // Browsers keep few contexts; this one is of no more use.
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}
