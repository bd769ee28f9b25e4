import { signal } from "@preact/signals";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { tool } from "../src/actions";
import type { PixelFormat, Rectangle } from "../src/api/types";
import { attachGestures, type Draft } from "../src/components/gestures";
import { playing } from "../src/player";
import { stageOf } from "../src/stage";
import { frameKey, marks, panes, server } from "../src/state";
import { exampleFrame } from "./exampleFrame";

const pane = panes[0];
const stage = stageOf(pane);
const draft = signal<Draft | null>(null);
const onBoxes = vi.fn((of: typeof pane, boxes: Rectangle[]) => {
  const [series, frame] = [of.series.value!, of.frame.value];
  marks.value = new Map([[frameKey(series, frame), { series, frame, label: null, boxes }]]);
});
let element: HTMLElement;
let detach: () => void;

/** A frame of 200 x 100 pixels on a surface of 400 x 400, two pixels of which are one of CSS: zoom 2, from y 100 on. */
function show(index: number, format: PixelFormat = "GRAY8"): void {
  const frame = exampleFrame({ frame: index, file: "s", file_frame: index, width: 200, height: 100, format });
  pane.frame.value = index;
  const picture = { frame, samples: null, bitmap: null };
  stage.shown.value = { kind: "picture", picture, name: "s", count: 5, heatmap: null };
}

/** The test's document has mouse events only. */
function pointer(type: string, x: number, y: number, more: PointerEventInit = {}): void {
  const { pointerId = 1, pointerType = "mouse", ...mouse } = more;
  const event = new MouseEvent(`pointer${type}`, { clientX: x, clientY: y, bubbles: true, cancelable: true, ...mouse });
  element.dispatchEvent(Object.assign(event, { pointerId, pointerType }));
}
function drag(from: [number, number], to: [number, number], more: PointerEventInit = {}): void {
  pointer("down", ...from, more);
  pointer("move", (from[0] + to[0]) / 2, (from[1] + to[1]) / 2, more);
  pointer("move", ...to, more);
  pointer("up", ...to, more);
}
const wheel = (more: WheelEventInit) => element.dispatchEvent(new WheelEvent("wheel", { cancelable: true, ...more }));
const key = (type: string, name: string, target: EventTarget = document.body) =>
  target.dispatchEvent(new KeyboardEvent(type, { key: name, bubbles: true, cancelable: true }));
const boxes = () => marks.value.get("s/0")?.boxes ?? [];

beforeEach(() => {
  server.value = { series: [{ id: "s", frames: 5, boxes: [], rate: null }] } as never;
  marks.value = new Map();
  pane.series.value = "s";
  pane.window.value = null;
  pane.placement.value = { zoom: null, centerX: 0.5, centerY: 0.5 };
  stage.surface.value = { width: 400, height: 400, ratio: 2 };
  stage.selectedBox.value = null;
  tool.value = "window";
  show(0);
  element = document.createElement("div");
  element.tabIndex = 0;
  element.setPointerCapture = () => {};
  document.body.append(element);
  detach = attachGestures(element, { pane, stage, draft, onBoxes });
});
afterEach(() => {
  detach();
  element.remove();
  playing.value = false;
  onBoxes.mockClear();
});

describe("the mouse", () => {
  it("says which image point it is over", () => {
    pointer("move", 50, 60);
    expect(pane.pointer.value).toEqual({ x: 50, y: 10 });
    pointer("move", 50, 20);
    expect(pane.pointer.value).toBeNull();
    pointer("move", 50, 60);
    pointer("leave", 50, 60);
    expect(pane.pointer.value).toBeNull();
  });

  it("changes the window", () => {
    drag([100, 100], [130, 100]);
    const [low, high] = pane.window.value!;
    expect(high - low).toBeCloseTo(281, 6);
    expect((low + high + 1) / 2).toBeCloseTo(128, 6);
  });

  it("leaves the window as it is where it only clicks", () => {
    drag([100, 100], [101, 101]);
    expect(pane.window.value).toBeNull();
  });

  it.each<[string, PointerEventInit]>([
    ["with Shift", { shiftKey: true }],
    ["with the middle button", { button: 1 }],
  ])("moves the image %s", (_, more) => {
    drag([100, 100], [110, 95], more);
    expect(pane.window.value).toBeNull();
    expect(pane.placement.value).toEqual({ zoom: 2, centerX: 0.45, centerY: 0.55 });
  });

  it("moves colour images, which have no window", () => {
    show(0, "RGB8");
    drag([100, 100], [110, 95]);
    expect(pane.placement.value.centerX).toBeCloseTo(0.45, 6);
  });

  it("magnifies about itself, and fits at a double click", () => {
    wheel({ deltaY: -385, clientX: 100, clientY: 100 });
    expect(pane.placement.value.zoom).toBeCloseTo(4, 1);
    element.dispatchEvent(new MouseEvent("dblclick", { bubbles: true }));
    expect(pane.placement.value.zoom).toBeNull();
  });

  it("magnifies as fingers on a touchpad do", () => {
    wheel({ deltaY: -70, ctrlKey: true, clientX: 100, clientY: 100 });
    expect(pane.placement.value.zoom).toBeCloseTo(4, 1);
    expect(pane.frame.value).toBe(0);
  });

  it("goes through frames with Alt", () => {
    wheel({ deltaY: 120, altKey: true });
    expect(pane.frame.value).toBe(2);
    wheel({ deltaY: -40, altKey: true });
    expect(pane.frame.value).toBe(2);
    wheel({ deltaY: -40, altKey: true });
    expect(pane.frame.value).toBe(1);
    expect(pane.placement.value.zoom).toBeNull();
  });
});

describe("fingers", () => {
  it("magnify about their middle", () => {
    pointer("down", 90, 100, { pointerId: 1, pointerType: "touch" });
    pointer("down", 110, 100, { pointerId: 2, pointerType: "touch" });
    pointer("move", 80, 100, { pointerId: 1, pointerType: "touch" });
    pointer("move", 120, 100, { pointerId: 2, pointerType: "touch" });
    pointer("up", 120, 100, { pointerId: 2, pointerType: "touch" });
    pointer("move", 20, 20, { pointerId: 1, pointerType: "touch" });
    pointer("up", 20, 20, { pointerId: 1, pointerType: "touch" });
    expect(pane.placement.value.zoom).toBeCloseTo(4, 6);
    expect(pane.placement.value.centerX).toBeCloseTo(0.5, 1);
    expect(pane.window.value).toBeNull();
  });
});

describe("the space bar", () => {
  it("held moves the image, let go plays", () => {
    pointer("enter", 100, 100);
    key("keydown", " ");
    drag([100, 100], [110, 95]);
    key("keyup", " ");
    expect(pane.placement.value.centerX).toBeCloseTo(0.45, 6);
    expect(playing.value).toBe(false);
    key("keydown", " ");
    key("keyup", " ");
    expect(playing.value).toBe(true);
  });

  it("elsewhere is left to others", () => {
    const seen = vi.fn();
    document.body.addEventListener("keydown", seen);
    key("keydown", " ");
    document.body.removeEventListener("keydown", seen);
    expect(seen).toHaveBeenCalledOnce();
  });
});

describe("boxes", () => {
  beforeEach(() => {
    tool.value = "box";
  });

  it("are drawn, moved, resized and deleted", () => {
    drag([20, 60], [60, 90]);
    expect(boxes()).toEqual([{ x: 20, y: 10, width: 40, height: 30 }]);
    expect(stage.selectedBox.value).toBe(0);
    drag([40, 75], [50, 80]);
    expect(boxes()).toEqual([{ x: 30, y: 15, width: 40, height: 30 }]);
    drag([70, 80], [90, 80]);
    expect(boxes()).toEqual([{ x: 30, y: 15, width: 60, height: 30 }]);
    key("keydown", "Delete", element);
    expect(boxes()).toEqual([]);
    expect(draft.value).toBeNull();
  });

  it("stop at the image's edges", () => {
    drag([150, 80], [300, 300]);
    expect(boxes()).toEqual([{ x: 150, y: 30, width: 50, height: 70 }]);
  });

  it("are selected by a click and not by one beside them", () => {
    drag([20, 60], [60, 90]);
    onBoxes.mockClear();
    drag([150, 140], [150, 140]);
    expect(stage.selectedBox.value).toBeNull();
    drag([40, 70], [40, 70]);
    expect(stage.selectedBox.value).toBe(0);
    expect(onBoxes).not.toHaveBeenCalled();
  });

  it("are given up when the frame changes under them", () => {
    pointer("down", 20, 60);
    pointer("move", 60, 90);
    expect(draft.value?.box).toEqual({ x: 20, y: 10, width: 40, height: 30 });
    show(1);
    pointer("up", 60, 90);
    expect(onBoxes).not.toHaveBeenCalled();
    expect(draft.value).toBeNull();
  });

  it("stop playback", () => {
    playing.value = true;
    pointer("down", 20, 60);
    expect(playing.value).toBe(false);
  });

  it("leave Delete to others where none is selected", () => {
    const seen = vi.fn();
    document.body.addEventListener("keydown", seen);
    key("keydown", "Delete", element);
    document.body.removeEventListener("keydown", seen);
    expect(seen).toHaveBeenCalledOnce();
  });
});
