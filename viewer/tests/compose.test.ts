import { describe, expect, it } from "vitest";
import type { Frame, PixelFormat, Window } from "../src/api/types";
import type { Samples } from "../src/frames";
import { compose } from "../src/render/compose";
import { colourIndex, coloursOf, heatScale, sameShading, type Shading } from "../src/render/scene";
import { exampleFrame } from "./exampleFrame";

const frame = (format: PixelFormat, width: number, more: Partial<Frame> = {}) => exampleFrame({ format, width, ...more });

const GRAYS = coloursOf([], "gray");
/** Inferno's ends. */
const ENDS = Uint8Array.from({ length: 768 }, (_, index) => (index < 3 ? [0, 0, 3][index]! : [252, 254, 164][index % 3]!));

function shading(of: Frame, values: number[] | null, more: Partial<Shading> = {}, overlay: Partial<Shading["overlay"]> = {}): Shading {
  return {
    picture: { frame: of, samples: null, bitmap: null },
    window: of.window,
    invert: of.invert,
    heat: values && { values: Float32Array.from(values), width: values.length, height: 1 },
    overlay: { shown: true, colormap: "gray", scale: "minmax", alpha: 0.5, hideBelow: 0, ...overlay },
    colours: GRAYS,
    ...more,
  };
}

const rgb = (of: Shading, samples: Samples) => [...compose(of, samples)].filter((_, index) => index % 4 !== 3);
/** The red of each pixel. */
const red = (of: Shading, samples: Samples) => rgb(of, samples).filter((_, index) => index % 3 === 0);

describe("images", () => {
  it("are shown as stored through the full window, and opaque", () => {
    const pixels = compose(shading(frame("GRAY8", 3), null), Uint8Array.of(0, 100, 255));
    expect([...pixels]).toEqual([0, 0, 0, 255, 100, 100, 100, 255, 255, 255, 255, 255]);
  });

  it.each<[PixelFormat, Samples, Window, Partial<Frame>, number[]]>([
    ["GRAY16", Uint16Array.of(0, 100, 500, 900, 65535), [100, 900], {}, [0, 0, 128, 255, 255]],
    ["GRAY_S16", Int16Array.of(-32768, -160, 40, 240, 32767), [-160, 240], {}, [0, 0, 128, 255, 255]],
    ["GRAY16", Uint16Array.of(864, 1064, 1264), [-160, 240], { intercept: -1024 }, [0, 128, 255]],
    ["GRAY8", Uint8Array.of(0, 255), [0, 255], { slope: -1, intercept: 255 }, [255, 0]],
    ["GRAY_F32", Float32Array.of(0, 0.25, 1), [0, 1], {}, [0, 64, 255]],
    ["GRAY8", Uint8Array.of(99, 100, 101), [100, 100], {}, [0, 0, 255]],
  ])("of %s %s through %j (%j)", (format, samples, window, more, expected) => {
    expect(red(shading(frame(format, samples.length, more), null, { window }), samples)).toEqual(expected);
  });

  it("are turned round", () => {
    expect(red(shading(frame("GRAY8", 2), null, { invert: true }), Uint8Array.of(0, 200))).toEqual([255, 55]);
  });

  it("in colour stay as they are", () => {
    const of = shading(frame("RGB8", 2), null, { window: [50, 60], invert: true });
    expect(rgb(of, Uint8Array.of(1, 2, 3, 4, 5, 6))).toEqual([1, 2, 3, 4, 5, 6]);
    expect(rgb(shading(frame("RGBA8", 1), null), Uint8Array.of(1, 2, 3, 4))).toEqual([1, 2, 3]);
  });
});

// The numbers are those of the library's own tests of overlays.
describe("overlays", () => {
  it("blend half and half from the lowest to the highest value", () => {
    const of = shading(frame("GRAY8", 2), [0.2, 0.4], { colours: ENDS });
    expect(rgb(of, Uint8Array.of(100, 200))).toEqual([50, 50, 52, 226, 227, 182]);
  });

  it("have an absolute scale", () => {
    const of = shading(frame("GRAY8", 2), [0.25, 1], {}, { scale: "absolute", alpha: 1 });
    expect(red(of, Uint8Array.of(0, 0))).toEqual([64, 255]);
  });

  it("leave low values uncoloured", () => {
    const of = shading(frame("GRAY8", 2), [0.2, 0.4], { colours: ENDS }, { hideBelow: 0.3 });
    expect(rgb(of, Uint8Array.of(100, 200))).toEqual([100, 100, 100, 226, 227, 182]);
    // The limit itself is coloured.
    const limit = shading(frame("GRAY8", 2), [0.25, 0.5], {}, { hideBelow: 0.5, alpha: 1 });
    expect(red(limit, Uint8Array.of(7, 7))).toEqual([7, 255]);
  });

  it("give a constant map the lowest colour", () => {
    expect(red(shading(frame("GRAY8", 2), [0.7, 0.7], {}, { alpha: 1 }), Uint8Array.of(9, 9))).toEqual([0, 0]);
  });

  it("lie over colour and over floats", () => {
    expect(rgb(shading(frame("RGB8", 1), [1], {}, { scale: "absolute" }), Uint8Array.of(0, 100, 255))).toEqual([128, 178, 255]);
    expect(red(shading(frame("GRAY_F32", 1, { window: [0, 1] }), [1], {}, { scale: "absolute" }), Float32Array.of(0))).toEqual([128]);
  });

  it("of another size than the image are not drawn", () => {
    expect(red(shading(frame("GRAY8", 2), [1]), Uint8Array.of(10, 20))).toEqual([10, 20]);
  });

  it("follow a change of their scale", () => {
    const minmax = shading(frame("GRAY8", 2), [0.25, 0.5], {}, { alpha: 1 });
    expect(red(minmax, Uint8Array.of(0, 0))).toEqual([0, 255]);
    const absolute: Shading = { ...minmax, overlay: { ...minmax.overlay, scale: "absolute" } };
    expect(red(absolute, Uint8Array.of(0, 0))).toEqual([64, 128]);
    expect(sameShading(minmax, absolute)).toBe(false);
    expect(sameShading(minmax, { ...minmax, overlay: { ...minmax.overlay } })).toBe(true);
  });
});

describe("colours", () => {
  it.each([
    [-1, 0],
    [0, 0],
    [0.0039, 0],
    [0.00390625, 1],
    [0.5, 128],
    [0.999, 255],
    [1, 255],
    [7, 255],
  ])("of %d are number %d", (value, index) => expect(colourIndex(value)).toBe(index));

  it("are read from the server's table", () => {
    const table = { word: "red", colours: "ff0001".repeat(255) + "0a0b0c" };
    const colours = coloursOf([table], "red");
    expect([...colours.slice(0, 3), ...colours.slice(-3)]).toEqual([255, 0, 1, 10, 11, 12]);
    expect(coloursOf([table], "red")).toBe(colours);
  });

  it("span the map or 0 to 1", () => {
    const heat = { values: Float32Array.of(0.25, 0.75), width: 2, height: 1 };
    expect(heatScale(heat, { scale: "minmax" })).toEqual({ low: 0.25, span: 0.5 });
    expect(heatScale(heat, { scale: "absolute" })).toEqual({ low: 0, span: 1 });
  });
});
