// The documents of docs/viewer-api.md.

export interface Choice {
  word: string;
  documentation: string;
}

export interface OptionField {
  name: string;
  kind: "bool" | "integer" | "float" | "choice";
  documentation: string;
  default: boolean | number | string | null;
  minimum: number | null;
  maximum: number | null;
  unset: string | null;
  choices?: Choice[];
}

export interface Method extends Choice {
  name: string;
  /** What the method answers, as a sentence. */
  question: string;
}

export interface ColormapTable {
  word: string;
  /** 256 colours of 6 hexadecimal digits. */
  colours: string;
}

export interface Model {
  id: string;
  name: string;
  sha256: string;
  threshold: number;
  temperature: number | null;
  input_width: number | null;
  input_height: number | null;
  description: Record<string, unknown>;
}

/** In pixels of the image. */
export interface Rectangle {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface FrameBox extends Rectangle {
  frame: number;
}

export interface Series {
  id: string;
  name: string;
  files: string[];
  frames: number;
  width: number;
  height: number;
  kind: "dicom" | "image";
  modality: string | null;
  /** Frames per second. */
  rate: number | null;
  label: 0 | 1 | null;
  boxes: FrameBox[];
  error: string | null;
}

export interface ViewerState {
  version: string;
  engine: string;
  models: Model[];
  offered_model: string | null;
  series: Series[];
  /** Files that the program still reads; null: all are read. */
  reading: { done: number; total: number } | null;
  methods: Method[];
  colormaps: ColormapTable[];
  options: OptionField[];
  marks_directory: string;
  upload_bytes: number;
}

/** What came of a file that was sent. */
export interface Sent {
  series: Series[];
  /** Series that are there no more; others have their frames. */
  replaced: string[];
  model: Model | null;
}

export type PixelFormat = "GRAY8" | "GRAY16" | "GRAY_S16" | "GRAY_F32" | "RGB8" | "RGBA8";

/** Rescaled values that become 0 and 1. */
export type Window = [low: number, high: number];

export interface Preset {
  name: string;
  window: Window;
}

export interface Frame {
  series: string;
  frame: number;
  file: string;
  file_frame: number;
  width: number;
  height: number;
  format: PixelFormat;
  encoding: "stored" | "jpeg";
  slope: number;
  intercept: number;
  range: Window;
  window: Window;
  invert: boolean;
  presets: Preset[];
}

export interface Said {
  probability: number;
  logit: number;
  positive: boolean;
  threshold: number;
}

/** Of a whole image. */
export interface Prediction extends Said {
  series: string;
  frame: number;
  model: string;
  seconds: number;
}

export type HeatmapOptions = Record<string, boolean | number | string>;

export interface MapEvent {
  map: string;
  series: string;
  frame: number;
  model: string;
  options: HeatmapOptions;
  mean: number;
  maximum: number;
  prediction: Said;
  seconds: number;
}

export type Tile = [
  x: number,
  y: number,
  width: number,
  height: number,
  probability: number,
  logit: number,
  value: number,
  rankScore: number,
];

export interface HeatmapInfo extends MapEvent {
  width: number;
  height: number;
  columns: number;
  rows: number;
  hottest_tile: number;
  tiles: Tile[];
}

export interface JobRequest {
  kind: "classify" | "heatmap";
  model: string;
  items: { series: string; frames?: number[] }[];
  options?: HeatmapOptions;
}

export interface JobProgress {
  done: number;
  total: number;
  frames_done: number;
  frames: number;
  seconds_left: number | null;
}

export interface FrameFailure {
  series: string;
  frame: number;
  message: string;
}

export interface Failure {
  status: string;
  message: string;
}

export interface Mark {
  series: string;
  frame: number;
  label: 0 | 1 | null;
  boxes: Rectangle[];
}

export interface Marks {
  directory: string;
  saved: boolean;
  marks: Mark[];
}

export interface SavedMarks {
  directory: string;
  images: number;
  labels: number;
  boxes: number;
}
