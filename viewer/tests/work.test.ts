import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ApiError, type Job, type JobEvents } from "../src/api/client";
import type { JobRequest } from "../src/api/types";
import { gone } from "../src/messages";
import { playing } from "../src/playback";
import { comparing, maps, messages, panes, predictions, server } from "../src/state";
import {
  allFrames,
  allFramesName,
  asked,
  BUSY_WAIT,
  cancelAutomatic,
  classifyAll,
  DEBOUNCE,
  failures,
  forgetSeries,
  retry,
  startJobsWith,
  tasks,
  watch,
} from "../src/work";
import { mapEvent, said, series, viewerState } from "./fixtures";

interface Started {
  work: JobRequest;
  events: JobEvents;
  cancelled: boolean;
}
let started: Started[] = [];
/** Answers to starts, the first first; null: it is started. */
let refusals: (ApiError | null)[] = [];
let stop: () => void;

const [first, second] = panes;
const kinds = () =>
  started.map(
    ({ work }) => `${work.kind} ${work.items.map((item) => `${item.series}:${item.frames?.join(",")}`).join(" ")}`,
  );
const wait = (milliseconds = DEBOUNCE) => vi.advanceTimersByTimeAsync(milliseconds);
const job = (kind: JobRequest["kind"], at = -1) => started.filter(({ work }) => work.kind === kind).at(at)!;

beforeEach(() => {
  vi.useFakeTimers();
  started = [];
  refusals = [];
  startJobsWith(async (work, events): Promise<Job> => {
    const refusal = refusals.shift();
    if (refusal) throw refusal;
    const one: Started = { work, events, cancelled: false };
    started.push(one);
    return {
      cancel() {
        one.cancelled = true;
        events.end("cancelled");
      },
    };
  });
  server.value = viewerState({ series: [series("a"), series("b"), series("cine", { frames: 5 })] });
  predictions.value = new Map();
  maps.value = new Map();
  failures.value = new Map();
  messages.value = [];
  gone.value = false;
  playing.value = false;
  comparing.value = false;
  for (const pane of panes) {
    pane.series.value = null;
    pane.frame.value = 0;
    pane.model.value = "m";
    pane.options.value = { method: "tiles" };
  }
  stop = watch();
});

afterEach(async () => {
  stop();
  for (const cancel of asked.value.values()) cancel();
  await vi.runAllTimersAsync();
  vi.useRealTimers();
});

test("what is looked at is classified and mapped, after a while", async () => {
  first.series.value = "a";
  await wait(DEBOUNCE - 1);
  expect(started).toEqual([]);
  await wait(1);
  expect(kinds()).toEqual(["classify a:0", "heatmap a:0"]);
  job("classify").events.prediction?.(said("a", 0.7));
  job("heatmap").events.map?.(mapEvent("h", "a"));
  job("classify").events.end("finished");
  job("heatmap").events.end("finished");
  await wait();
  expect(first.prediction.value?.probability).toBe(0.7);
  expect(first.map.value?.map).toBe("h");
  expect(tasks.value).toEqual([]);
  expect(started).toHaveLength(2);
});

test("without a model, nothing is computed", async () => {
  first.model.value = null;
  first.series.value = "a";
  await wait();
  expect(started).toEqual([]);
});

test("passing over images starts nothing", async () => {
  first.series.value = "a";
  await wait(DEBOUNCE / 2);
  first.series.value = "b";
  await wait();
  expect(kinds()).toEqual(["classify b:0", "heatmap b:0"]);
});

test("nothing is started while playing, and the frame that it stops at is computed", async () => {
  first.series.value = "cine";
  playing.value = true;
  for (const frame of [1, 2, 3]) {
    first.frame.value = frame;
    await wait();
  }
  expect(started).toEqual([]);
  playing.value = false;
  await wait();
  expect(kinds()).toEqual(["classify cine:3", "heatmap cine:3"]);
});

test("what is no longer looked at is cancelled, and a late answer is not shown beside another image", async () => {
  first.series.value = "a";
  await wait();
  first.series.value = "b";
  expect(started.map(({ cancelled }) => cancelled)).toEqual([true, true]);
  started[0]!.events.prediction?.(said("a", 0.99));
  started[1]!.events.map?.(mapEvent("late", "a"));
  expect(first.prediction.value).toBeNull();
  expect(first.map.value).toBeNull();
});

test("other options are other heatmaps; coming back to the first asks for nothing", async () => {
  first.series.value = "a";
  await wait();
  job("classify").events.prediction?.(said("a", 0.7));
  job("heatmap").events.map?.(mapEvent("h1", "a"));
  for (const { events } of started) events.end("finished");
  first.options.value = { method: "tiles", stride: 16 };
  expect(first.map.value).toBeNull();
  await wait();
  expect(job("heatmap").work.options).toEqual({ method: "tiles", stride: 16 });
  // However the server spells the options of its answer.
  job("heatmap").events.map?.(mapEvent("h2", "a", { options: { method: "tiles", stride: 16, tile_size: 64 } }));
  expect(first.map.value?.map).toBe("h2");
  first.options.value = { method: "tiles" };
  expect(first.map.value?.map).toBe("h1");
  await wait();
  expect(kinds()).toEqual(["classify a:0", "heatmap a:0", "heatmap a:0"]);
});

test("looked at again after it was cancelled, it is begun again", async () => {
  first.series.value = "a";
  await wait();
  first.series.value = "b";
  first.series.value = "a";
  await wait(2 * DEBOUNCE);
  expect(kinds()).toEqual(["classify a:0", "heatmap a:0", "classify a:0", "heatmap a:0"]);
});

test("two panes on the same image classify it once", async () => {
  comparing.value = true;
  first.series.value = "a";
  second.series.value = "a";
  second.options.value = { method: "cam" };
  await wait();
  expect(kinds()).toEqual(["classify a:0", "heatmap a:0", "heatmap a:0"]);
});

test("a server with too many jobs is asked again", async () => {
  refusals = [new ApiError(429, "BUSY", "too many"), new ApiError(429, "BUSY", "too many")];
  first.series.value = "a";
  await wait();
  expect(started).toEqual([]);
  await wait(BUSY_WAIT);
  expect(kinds()).toEqual(["classify a:0", "heatmap a:0"]);
  expect(messages.value).toEqual([]);
});

test("work that waits for its turn can be cancelled", async () => {
  refusals = [new ApiError(429, "BUSY", "too many"), new ApiError(429, "BUSY", "too many")];
  first.series.value = "a";
  await wait();
  first.series.value = null;
  await wait(BUSY_WAIT);
  expect(started).toEqual([]);
  expect(tasks.value).toEqual([]);
});

test("what fails is not tried again unasked, and its reason is kept", async () => {
  first.series.value = "a";
  await wait();
  job("heatmap").events.failed?.({ series: "a", frame: 0, message: "it is smaller than a tile" });
  job("heatmap").events.end("finished");
  job("classify").events.prediction?.(said("a", 0.7));
  job("classify").events.end("finished");
  await wait(1000);
  expect(started).toHaveLength(2);
  const [key, why] = [...failures.value][0]!;
  expect(why).toBe("it is smaller than a tile");
  retry(key);
  await wait();
  expect(kinds()).toEqual(["classify a:0", "heatmap a:0", "heatmap a:0"]);
});

test("a refused start is a failure of what it was for", async () => {
  refusals = [null, new ApiError(400, "INVALID_ARGUMENT", "stride 90 is more than tile_size 64")];
  first.series.value = "a";
  await wait(1000);
  expect([...failures.value.values()]).toEqual(["stride 90 is more than tile_size 64"]);
  expect(started).toHaveLength(1);
});

test("cancelled by hand, it stays cancelled", async () => {
  first.series.value = "a";
  await wait();
  cancelAutomatic();
  await wait(1000);
  expect(started).toHaveLength(2);
  expect([...failures.value.values()]).toEqual(["Cancelled.", "Cancelled."]);
});

test("a server that is gone is said once, and asked for nothing more", async () => {
  refusals = [new ApiError(0, "IO", "no answer"), new ApiError(0, "IO", "no answer")];
  first.series.value = "a";
  await wait();
  expect(gone.value).toBe(true);
  first.series.value = "b";
  await wait(1000);
  expect(started).toEqual([]);
  expect(messages.value).toEqual([]);
});

test("Classify all asks for what is missing", async () => {
  predictions.value = new Map([
    ["m/a/0", said("a", 0.1)],
    ["m/cine/1", said("cine", 0.2, { frame: 1 })],
  ]);
  const done = classifyAll("m");
  await wait(0);
  expect(kinds()).toEqual(["classify b:0 cine:0,2,3,4"]);
  expect(tasks.value[0]?.automatic).toBe(false);
  job("classify").events.end("finished");
  await done;
  expect(asked.value.size).toBe(0);
});

test("All frames classifies, then maps; results of it do not put off what is looked at", async () => {
  first.series.value = "cine";
  void allFrames(first);
  await wait(0);
  for (const frame of [0, 1, 2, 3, 4]) {
    job("classify", 0).events.prediction?.(said("cine", 0.1, { frame }));
    await wait(DEBOUNCE / 3);
  }
  expect(kinds()).toEqual(["classify cine:0,1,2,3,4", "heatmap cine:0"]);
  job("classify", 0).events.end("finished");
  await wait(0);
  expect(kinds().at(-1)).toBe("heatmap cine:0,1,2,3,4");
  asked.value.get(allFramesName(first))?.();
  await wait(0);
  expect(started.at(-1)?.cancelled).toBe(true);
  expect(asked.value.size).toBe(0);
});

test("stopped in its first step, All frames does not begin the second", async () => {
  first.series.value = "cine";
  const done = allFrames(first);
  await wait(0);
  tasks.value.find((task) => !task.automatic)?.cancel();
  await done;
  expect(kinds()).toEqual(["classify cine:0,1,2,3,4"]);
});

test("what is known of a series that has changed is forgotten", () => {
  predictions.value = new Map([
    ["m/a/0", said("a", 0.1)],
    ["m/b/0", said("b", 0.2)],
  ]);
  maps.value = new Map([["m/a/0/x", mapEvent("h", "a")]]);
  failures.value = new Map([
    ["m/a/0", "why"],
    ["m/b/0", "why"],
  ]);
  forgetSeries(new Set(["a"]));
  expect([...predictions.value.keys()]).toEqual(["m/b/0"]);
  expect(maps.value.size).toBe(0);
  expect([...failures.value.keys()]).toEqual(["m/b/0"]);
});
