// Requests to the server that serves the page. All addresses are relative to the page's own.

import type {
  Failure,
  Frame,
  FrameFailure,
  HeatmapInfo,
  JobProgress,
  JobRequest,
  MapEvent,
  Mark,
  Marks,
  Model,
  Prediction,
  Rectangle,
  SavedMarks,
  Sent,
  ViewerState,
} from "./types";

/** An answer that says what was wrong. */
export class ApiError extends Error {
  constructor(
    readonly http: number,
    readonly status: string,
    message: string,
  ) {
    super(message);
  }
}

async function request(path: string, init?: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { cache: "no-store", ...init });
  } catch (reason) {
    if (reason instanceof DOMException && reason.name === "AbortError") throw reason;
    throw new ApiError(0, "IO", "The program that serves this page does not answer; it may have ended.");
  }
  if (response.ok) return response;
  const told = (await response.json().catch(() => null)) as { error?: Failure } | null;
  throw new ApiError(
    response.status,
    told?.error?.status ?? "INTERNAL",
    told?.error?.message ?? `${path} was answered ${response.status}`,
  );
}

async function json<T>(path: string, init?: RequestInit): Promise<T> {
  return (await (await request(path, init)).json()) as T;
}

function sending(method: "POST" | "PUT", document: unknown): RequestInit {
  return { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(document) };
}

const framePath = (series: string, frame: number) => `api/series/${encodeURIComponent(series)}/frames/${frame}`;
const mapPath = (map: string) => `api/maps/${encodeURIComponent(map)}`;

export const state = () => json<ViewerState>("api/state");
export const loadOfferedModel = () => json<Model>("api/models", sending("POST", { offered: true }));

/** Sends a dropped file; `name` has the directories it was dropped with. */
export const sendFile = (name: string, file: Blob, signal?: AbortSignal) =>
  json<Sent>(`api/files?name=${encodeURIComponent(name)}`, {
    method: "POST",
    body: file,
    signal: signal ?? null,
  });

export interface Pixels {
  frame: Frame;
  /** Samples as `frame.format` says, or a JPEG file where `frame.encoding` is "jpeg". */
  bytes: ArrayBuffer;
}

export async function pixels(series: string, frame: number, stored = false, signal?: AbortSignal): Promise<Pixels> {
  const response = await request(`${framePath(series, frame)}/pixels${stored ? "?stored" : ""}`, {
    signal: signal ?? null,
  });
  const description = response.headers.get("Lens-Frame");
  if (description === null) throw new ApiError(response.status, "INTERNAL", "The pixels came without Lens-Frame.");
  const document = JSON.parse(description) as Frame;
  if (stored) document.encoding = "stored";
  return { frame: document, bytes: await response.arrayBuffer() };
}

export const thumbnailAddress = (series: string, frame: number, size: number) =>
  `${framePath(series, frame)}/thumbnail?size=${size}`;

export const predictions = () => json<{ predictions: Prediction[]; maps: MapEvent[] }>("api/predictions");

export const mapInfo = (map: string, signal?: AbortSignal) => json<HeatmapInfo>(mapPath(map), { signal: signal ?? null });

export async function mapValues(map: string, signal?: AbortSignal): Promise<Float32Array> {
  return new Float32Array(await (await request(`${mapPath(map)}/values`, { signal: signal ?? null })).arrayBuffer());
}

export const mapFileAddress = (map: string, as: "npy" | "png") => `${mapPath(map)}/values?as=${as}`;
export const resultsAddress = "api/results.csv";

export const marks = () => json<Marks>("api/marks");

export const putMark = (mark: Mark) =>
  request(
    `${framePath(mark.series, mark.frame)}/mark`,
    sending("PUT", { label: mark.label, boxes: mark.boxes satisfies Rectangle[] }),
  );

export const saveMarks = () => json<SavedMarks>("api/marks/save", { method: "POST" });
export const stop = () => request("api/stop", { method: "POST" });

export interface JobEvents {
  progress?(progress: JobProgress): void;
  prediction?(prediction: Prediction): void;
  map?(map: MapEvent): void;
  failed?(failure: FrameFailure): void;
  /** The last of a job, however it ends; `failure` when it could not go on. */
  end(how: "finished" | "cancelled" | "error", failure?: Failure): void;
}

export interface Job {
  cancel(): void;
}

/** Starts work and hands out its events; fails when it cannot be started. */
export async function startJob(work: JobRequest, events: JobEvents): Promise<Job> {
  const { job } = await json<{ job: string }>("api/jobs", sending("POST", work));
  const path = `api/jobs/${encodeURIComponent(job)}`;
  const source = new EventSource(`${path}/events`);
  let ended = false;
  const end = (how: "finished" | "cancelled" | "error", failure?: Failure) => {
    if (ended) return;
    ended = true;
    source.close();
    events.end(how, failure);
  };
  const on = <T>(name: string, hand: (document: T) => void) =>
    source.addEventListener(name, (event) => {
      // The browser's own "error" event has no data.
      if (event instanceof MessageEvent) hand(JSON.parse(event.data as string) as T);
    });
  on<JobProgress>("progress", (document) => events.progress?.(document));
  on<Prediction>("prediction", (document) => events.prediction?.(document));
  on<MapEvent>("map", (document) => events.map?.(document));
  on<FrameFailure>("failed", (document) => events.failed?.(document));
  on<unknown>("finished", () => end("finished"));
  on<unknown>("cancelled", () => end("cancelled"));
  on<Failure>("error", (document) => end("error", document));
  source.onerror = (event) => {
    if (!(event instanceof MessageEvent)) {
      end("error", { status: "IO", message: "The program that serves this page does not answer; it may have ended." });
    }
  };
  return {
    cancel() {
      if (!ended) void request(path, { method: "DELETE" }).catch(() => end("cancelled"));
    },
  };
}
