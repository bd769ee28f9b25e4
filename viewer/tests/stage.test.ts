import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { MapEvent } from "../src/api/types";
import { frames } from "../src/frames";
import { followMap, heatmaps } from "../src/heatmaps";
import { LINGER, stageOf } from "../src/stage";
import { mapKey, maps, panes, server } from "../src/state";
import { exampleFrame } from "./exampleFrame";

const frame = (series: string, index: number) =>
  exampleFrame({ series, frame: index, file: `${series}.dcm`, file_frame: index, window: [10, 200] });
const series = (id: string, frames: number, error: string | null = null) => ({
  id,
  name: id,
  files: [id],
  frames,
  width: 2,
  height: 1,
  boxes: [],
  rate: null,
  error,
});
const event = (map: string, of: string, index: number): MapEvent =>
  ({ map, series: of, frame: index, model: "m", options: { method: "tiles" } }) as unknown as MapEvent;

/** Requests that wait for their answers. */
let waiting: { path: string; answer(response: Response): void }[] = [];
const settled = () => vi.advanceTimersByTimeAsync(1);
async function answer(path: string, make: () => Response): Promise<void> {
  const found = waiting.filter((one) => one.path.startsWith(path));
  expect(found, path).not.toHaveLength(0);
  waiting = waiting.filter((one) => !found.includes(one));
  found.forEach((one) => one.answer(make()));
  await settled();
}
const pixels = (of: string, index: number) =>
  answer(`api/series/${of}/frames/${index}/pixels`, () =>
    new Response(new Uint8Array(2), { headers: { "Lens-Frame": JSON.stringify(frame(of, index)) } }),
  );
async function values(map: string, of: string, index: number): Promise<void> {
  await answer(`api/maps/${map}/values`, () => new Response(new Float32Array([0.25, 0.75])));
  await answer(`api/maps/${map}`, () =>
    Response.json({ ...event(map, of, index), width: 2, height: 1, columns: 1, rows: 1, hottest_tile: 0, tiles: [] }),
  );
}

const pane = panes[0];
const stage = stageOf(pane);
const shownFrame = () => (stage.frame.value ? `${stage.frame.value.series}/${stage.frame.value.frame}` : stage.shown.value.kind);
const shownMap = () => (stage.shown.value.kind === "picture" ? (stage.shown.value.heatmap?.info.map ?? null) : null);
let stop: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  waiting = [];
  frames.forget(() => true);
  heatmaps.forget(() => true);
  vi.stubGlobal("fetch", (path: string, { signal }: { signal?: AbortSignal }) => {
    return new Promise<Response>((resolve, reject) => {
      waiting.push({ path, answer: resolve });
      signal?.addEventListener("abort", () => {
        waiting = waiting.filter((one) => one.answer !== resolve);
        reject(new DOMException("aborted", "AbortError"));
      });
    });
  });
  server.value = { series: [series("a", 3), series("b", 2), series("broken", 0, "broken: not an image")] } as never;
  maps.value = new Map();
  pane.model.value = "m";
  pane.series.value = null;
  pane.frame.value = 0;
  const stops = [followMap(pane), stage.follow()];
  stop = () => stops.forEach((one) => one());
});
afterEach(() => {
  stop();
  server.value = null;
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("a pane", () => {
  it("shows nothing, then loads, then shows", async () => {
    expect(shownFrame()).toBe("empty");
    pane.series.value = "a";
    expect(shownFrame()).toBe("loading");
    await pixels("a", 0);
    expect(shownFrame()).toBe("a/0");
    expect(stage.window.value).toEqual([10, 200]);
    pane.window.value = [0, 50];
    expect(stage.window.value).toEqual([0, 50]);
    pane.window.value = null;
  });

  it("keeps the picture before for a moment, not longer", async () => {
    pane.series.value = "a";
    await pixels("a", 0);
    pane.frame.value = 2;
    await vi.advanceTimersByTimeAsync(LINGER - 5);
    expect(shownFrame()).toBe("a/0");
    await vi.advanceTimersByTimeAsync(10);
    expect(shownFrame()).toBe("loading");
    await pixels("a", 2);
    expect(shownFrame()).toBe("a/2");
  });

  it("does not count the moment anew with each frame that is passed", async () => {
    pane.series.value = "a";
    await pixels("a", 0);
    pane.frame.value = 2;
    await vi.advanceTimersByTimeAsync(LINGER - 30);
    pane.frame.value = 1;
    await vi.advanceTimersByTimeAsync(31);
    expect(shownFrame()).toBe("loading");
  });

  it("does not show what comes too late", async () => {
    pane.series.value = "a";
    await pixels("a", 0);
    pane.series.value = "b";
    expect(waiting.filter(({ path }) => path.includes("/a/"))).toEqual([]);
    await pixels("b", 0);
    expect(shownFrame()).toBe("b/0");
  });

  it("shows what the server says of a frame or a file", async () => {
    pane.series.value = "a";
    const refusal = { error: { status: "FORMAT", message: "a.dcm: the pixel data ends too soon" } };
    await answer("api/series/a/frames/0/pixels", () => Response.json(refusal, { status: 422 }));
    expect(stage.shown.value).toEqual({ kind: "failed", message: "a.dcm: the pixel data ends too soon" });
    pane.series.value = "broken";
    expect(stage.shown.value).toEqual({ kind: "failed", message: "broken: not an image" });
    expect(stage.frame.value).toBeNull();
  });
});

describe("a heatmap", () => {
  beforeEach(async () => {
    maps.value = new Map([
      [mapKey("m", "a", 0, { method: "tiles" }), event("x", "a", 0)],
      [mapKey("m", "a", 1, { method: "tiles" }), event("y", "a", 1)],
    ]);
    pane.series.value = "a";
    await pixels("a", 0);
    await pixels("a", 1);
    await pixels("a", 2);
  });

  it("comes with its picture only", async () => {
    expect(shownMap()).toBeNull();
    await values("x", "a", 0);
    expect(shownMap()).toBe("x");
    pane.frame.value = 1;
    expect([shownFrame(), shownMap()]).toEqual(["a/1", null]);
    await values("y", "a", 1);
    expect([shownFrame(), shownMap()]).toEqual(["a/1", "y"]);
    pane.frame.value = 2;
    expect([shownFrame(), shownMap()]).toEqual(["a/2", null]);
    pane.frame.value = 0;
    expect([shownFrame(), shownMap()]).toEqual(["a/0", "x"]);
  });

  it("of another picture is not shown whoever says so", async () => {
    await values("x", "a", 0);
    const own = pane.heatmap.value!;
    pane.heatmap.value = { ...own, info: { ...own.info, frame: 1 } };
    expect(shownMap()).toBeNull();
    pane.heatmap.value = { ...own, info: { ...own.info, map: "y" } };
    expect(shownMap()).toBeNull();
  });

  it("goes with the model and the options that it was made with", async () => {
    await values("x", "a", 0);
    pane.options.value = { method: "cam" };
    expect(shownMap()).toBeNull();
    pane.options.value = { method: "tiles" };
    expect(shownMap()).toBe("x");
    pane.model.value = "other";
    expect(shownMap()).toBeNull();
  });

  it("that the server has forgotten is no map any more", async () => {
    const refusal = { error: { status: "INVALID_ARGUMENT", message: "there is no map x" } };
    await answer("api/maps/x", () => Response.json(refusal, { status: 404 }));
    expect(pane.map.value).toBeNull();
    expect(maps.value.size).toBe(1);
  });
});
