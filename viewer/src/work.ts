// What the server is asked to compute, and its results. A result is kept under all that it was made from (model, series,
// frame, options), so it is only ever found for these.

import { batch, effect, signal, untracked } from "@preact/signals";
import * as client from "./api/client";
import type { Failure, HeatmapOptions, JobProgress, JobRequest, MapEvent, Prediction, Series } from "./api/types";
import { count } from "./format";
import { announcement, ended, gone, isAbort, reasonOf, report, tell } from "./messages";
import { withoutDefaults } from "./options";
import { playing } from "./playback";
import { comparing, mapKey, maps, panes, predictionKey, predictions, server, type Pane } from "./state";

/** A job as people see it. */
export interface Task {
  readonly id: number;
  readonly title: string;
  /** Of the image that is looked at, without being asked for. */
  readonly automatic: boolean;
  readonly kind: JobRequest["kind"];
  /** null while it waits for its turn. */
  readonly progress: JobProgress | null;
  cancel(): void;
}

/** All that runs or waits, oldest first. */
export const tasks = signal<readonly Task[]>([]);

/** Why something that was asked for is not there, by its key; it is not tried again unasked. */
export const failures = signal<ReadonlyMap<string, string>>(new Map());

/** The reason of what was cancelled by hand. */
export const CANCELLED = "Cancelled.";

type How = "finished" | "cancelled" | "error";
type Start = (work: JobRequest, events: client.JobEvents) => Promise<client.Job>;

/** How long an image has to be looked at before work for it begins, in milliseconds. */
export const DEBOUNCE = 180;
/** Between attempts when the server has too many jobs, in milliseconds. */
export const BUSY_WAIT = 1000;

let start: Start = client.startJob;
/** Lets tests stand in for the server. */
export function startJobsWith(other: Start): void {
  start = other;
}

const replaced = <K, V>(before: ReadonlyMap<K, V>, key: K, value: V): Map<K, V> => new Map(before).set(key, value);

function fail(key: string, message: string): void {
  failures.value = replaced(failures.value, key, message);
}

/** Tries once more what failed or was cancelled. */
export function retry(...keys: string[]): void {
  failures.value = new Map([...failures.value].filter(([key]) => !keys.includes(key)));
}

export const heatmapOf = (request: JobRequest): HeatmapOptions => request.options ?? {};

function keyOf(request: JobRequest, series: string, frame: number): string {
  return request.kind === "classify"
    ? predictionKey(request.model, series, frame)
    : mapKey(request.model, series, frame, heatmapOf(request));
}

function received(request: JobRequest, event: MapEvent): void {
  // The page's own spelling of the options, by which it looks for the map.
  const options = heatmapOf(request);
  maps.value = replaced(maps.value, mapKey(event.model, event.series, event.frame, options), { ...event, options });
}

/** How long results of work on many images are held back to be shown together, in milliseconds. */
export const TOGETHER = 100;
let held: (() => void)[] = [];
let release: ReturnType<typeof setTimeout> | undefined;

function showHeld(): void {
  clearTimeout(release);
  release = undefined;
  const changes = held;
  held = [];
  batch(() => changes.forEach((change) => change()));
}

function hold(change: () => void): void {
  held.push(change);
  release ??= setTimeout(showHeld, TOGETHER);
}

interface Running {
  cancel(): void;
  /** How it ended; what went wrong otherwise was reported. */
  readonly end: Promise<How>;
}

let lastTask = 0;

function run(request: JobRequest, title: string, automatic: boolean): Running {
  const id = ++lastTask;
  let job: client.Job | null = null;
  let cancelled = false;
  let failed = 0;
  let why = "";
  let finish!: (how: How) => void;
  let wake: () => void = () => undefined;
  const end = new Promise<How>((resolve) => (finish = resolve));
  const cancel = () => {
    if (cancelled) return;
    cancelled = true;
    wake();
    job?.cancel();
  };
  const settle = (how: How) => {
    tasks.value = tasks.value.filter((task) => task.id !== id);
    finish(how);
  };
  tasks.value = [...tasks.value, { id, title, automatic, kind: request.kind, progress: null, cancel }];

  const wrong = (failure: Failure) => {
    if (failure.status === "IO") return report(new client.ApiError(0, "IO", failure.message));
    if (!automatic) tell("error", `${title}: ${failure.message}`);
    const { items, kind } = request;
    // A job that ends with an error says the same of everything it was to compute.
    for (const { series, frames = [] } of items) {
      for (const frame of frames) {
        const key = keyOf(request, series, frame);
        if (!(kind === "classify" ? predictions.value.has(key) : maps.value.has(key))) fail(key, failure.message);
      }
    }
  };

  const show = automatic ? (change: () => void) => change() : hold;
  const events: client.JobEvents = {
    progress: (progress) => {
      tasks.value = tasks.value.map((task) => (task.id === id ? { ...task, progress } : task));
    },
    prediction: (said) =>
      show(() => {
        predictions.value = replaced(predictions.value, predictionKey(said.model, said.series, said.frame), said);
      }),
    map: (event) => show(() => received(request, event)),
    failed: ({ series, frame, message }) => {
      failed += 1;
      why ||= message;
      fail(keyOf(request, series, frame), message);
    },
    end: (how, failure) =>
      batch(() => {
        showHeld();
        if (how === "error" && failure) wrong(failure);
        if (failed > 0 && !automatic)
          tell("error", `${title}: ${count(failed, "frame")} could not be computed. ${why}`);
        settle(how);
      }),
  };

  void (async () => {
    while (!cancelled) {
      try {
        job = await start(request, events);
        if (cancelled) job.cancel();
        return;
      } catch (reason) {
        if (!(reason instanceof client.ApiError && reason.http === 429)) {
          if (!isAbort(reason)) {
            wrong(
              reason instanceof client.ApiError
                ? { status: reason.http === 0 ? "IO" : reason.status, message: reason.message }
                : { status: "INTERNAL", message: reasonOf(reason) },
            );
          }
          settle("error");
          return;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
          setTimeout(resolve, BUSY_WAIT);
        });
      }
    }
    settle("cancelled");
  })();
  return { cancel, end };
}

// ---- what is looked at ----

interface Wanted {
  key: string;
  request: JobRequest;
  title: string;
}

/** What is missing for the image of a pane. */
function wantedBy(pane: Pane): Wanted[] {
  const [model, series] = [pane.model.value, pane.shownSeries.value];
  const frame = pane.frame.value;
  if (!model || !series || frame >= series.frames) return [];
  const items = [{ series: series.id, frames: [frame] }];
  const options = pane.options.value;
  const classify = predictionKey(model, series.id, frame);
  const heatmap = mapKey(model, series.id, frame, options);
  const wanted: Wanted[] = [];
  if (!predictions.value.has(classify) && !failures.value.has(classify)) {
    wanted.push({ key: classify, request: { kind: "classify", model, items }, title: "Classifying" });
  }
  if (!maps.value.has(heatmap) && !failures.value.has(heatmap)) {
    wanted.push({ key: heatmap, request: { kind: "heatmap", model, items, options }, title: "Computing the heatmap" });
  }
  return wanted;
}

const automatic = new Map<string, Running>();

/** Cancels the automatic work of a pane's image; it is not begun again unasked. */
export function cancelAutomatic(): void {
  for (const [key, running] of automatic) {
    fail(key, CANCELLED);
    running.cancel();
  }
}

/** Keeps computing what is looked at; returns what stops that. */
export function watch(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let awaited = "";
  let wanted = new Map<string, Wanted>();
  const begin = () => {
    timer = undefined;
    for (const { key, request, title } of wanted.values()) {
      if (automatic.has(key)) continue;
      const running = run(request, title, true);
      automatic.set(key, running);
      void running.end.then((how) => {
        automatic.delete(key);
        // It may be looked at again meanwhile: a new map makes the effect see to that.
        if (how === "cancelled") failures.value = new Map(failures.value);
      });
    }
  };
  const stop = effect(() => {
    const quiet = gone.value || ended.value;
    const seen = comparing.value ? panes : [panes[0]];
    wanted = new Map((quiet ? [] : seen.flatMap(wantedBy)).map((one) => [one.key, one]));
    for (const [key, running] of automatic) {
      if (!wanted.has(key)) untracked(() => running.cancel());
    }
    // Results of other work that come meanwhile do not put off what is waited for.
    const now = playing.value ? "" : [...wanted.keys()].join("\n");
    if (now === awaited && timer !== undefined) return;
    clearTimeout(timer);
    timer = now === "" ? undefined : setTimeout(begin, DEBOUNCE);
    awaited = now;
  });
  return () => {
    clearTimeout(timer);
    stop();
    for (const running of automatic.values()) running.cancel();
  };
}

// ---- what is asked for ----

const frames = (series: Series) => Array.from({ length: series.frames }, (_, frame) => frame);

/** Jobs that people started, by what they are for. */
export const asked = signal<ReadonlyMap<string, () => void>>(new Map());

async function ask(
  name: string,
  steps: readonly { request: JobRequest; title: string }[],
  done: string,
): Promise<void> {
  if (asked.value.has(name)) return;
  let running: Running | null = null;
  let stopped = false;
  asked.value = replaced(asked.value, name, () => {
    stopped = true;
    running?.cancel();
  });
  try {
    for (const { request, title } of steps) {
      if (stopped) break;
      running = run(request, title, false);
      if ((await running.end) !== "finished") {
        stopped = true;
        break;
      }
    }
    announcement.value = stopped ? `${done}: stopped.` : `${done}: done.`;
  } finally {
    asked.value = new Map([...asked.value].filter(([key]) => key !== name));
  }
}

/** Classifies all images that have no prediction of this model yet. */
export async function classifyAll(model: string): Promise<void> {
  const items = (server.value?.series ?? [])
    .map((series) => ({
      series: series.id,
      frames: frames(series).filter((frame) => !predictions.value.has(predictionKey(model, series.id, frame))),
    }))
    .filter((item) => item.frames.length > 0);
  if (items.length === 0) return tell("note", "Everything in the list is classified by this model.");
  await ask("all", [{ request: { kind: "classify", model, items }, title: "Classify all" }], "Classify all");
}

export const allFramesName = (pane: Pane) => `frames ${panes.indexOf(pane)}`;

/** Classifies every frame of the pane's series, then makes their heatmaps. */
export async function allFrames(pane: Pane): Promise<void> {
  const [model, series, options] = [pane.model.value, pane.shownSeries.value, pane.options.value];
  if (!model || !series) return;
  const missing = (has: (frame: number) => boolean) => frames(series).filter((frame) => !has(frame));
  const unclassified = missing((frame) => predictions.value.has(predictionKey(model, series.id, frame)));
  const unmapped = missing((frame) => maps.value.has(mapKey(model, series.id, frame, options)));
  const steps: { request: JobRequest; title: string }[] = [];
  if (unclassified.length > 0) {
    const items = [{ series: series.id, frames: unclassified }];
    steps.push({ request: { kind: "classify", model, items }, title: "All frames: image probability" });
  }
  if (unmapped.length > 0) {
    const items = [{ series: series.id, frames: unmapped }];
    steps.push({ request: { kind: "heatmap", model, items, options }, title: "All frames: heatmaps" });
  }
  if (steps.length === 0) return tell("note", "All frames of this series have their results.");
  await ask(allFramesName(pane), steps, "All frames");
}

// ---- what the server has already ----

/** Takes over what the server has computed before, such as after the page was loaded again. */
export async function takeResults(): Promise<void> {
  const fields = server.value?.options ?? [];
  const kept = await client.predictions();
  batch(() => {
    predictions.value = new Map([
      ...predictions.value,
      ...kept.predictions.map((said): [string, Prediction] => [
        predictionKey(said.model, said.series, said.frame),
        said,
      ]),
    ]);
    maps.value = new Map([
      ...maps.value,
      ...kept.maps.map((event): [string, MapEvent] => {
        const options = withoutDefaults(event.options, fields);
        return [mapKey(event.model, event.series, event.frame, options), { ...event, options }];
      }),
    ]);
  });
}

/** These series are there no more. */
export function forgetSeries(ids: ReadonlySet<string>): void {
  batch(() => {
    predictions.value = new Map([...predictions.value].filter(([, said]) => !ids.has(said.series)));
    maps.value = new Map([...maps.value].filter(([, event]) => !ids.has(event.series)));
    failures.value = new Map([...failures.value].filter(([key]) => ![...ids].some((id) => key.includes(`/${id}/`))));
  });
}
