import type {
  HeatmapInfo,
  MapEvent,
  Model,
  OptionField,
  Prediction,
  Series,
  Tile,
  ViewerState,
} from "../src/api/types";

export const series = (id: string, more: Partial<Series> = {}): Series => ({
  id,
  name: `${id}.png`,
  files: [`${id}.png`],
  frames: 1,
  width: 64,
  height: 64,
  kind: "image",
  modality: null,
  rate: null,
  label: null,
  boxes: [],
  error: null,
  ...more,
});

export const model = (id: string, more: Partial<Model> = {}): Model => ({
  id,
  name: `${id}.safetensors`,
  sha256: "a".repeat(64),
  threshold: 0.5,
  temperature: null,
  input_width: 64,
  input_height: 64,
  description: {},
  ...more,
});

export const said = (series: string, probability: number, more: Partial<Prediction> = {}): Prediction => ({
  series,
  frame: 0,
  model: "m",
  probability,
  logit: 0,
  positive: probability > 0.5,
  threshold: 0.5,
  seconds: 0.01,
  ...more,
});

export const mapEvent = (map: string, series: string, more: Partial<MapEvent> = {}): MapEvent => ({
  map,
  series,
  frame: 0,
  model: "m",
  options: { method: "tiles" },
  mean: 0.2,
  maximum: 0.9,
  prediction: { probability: 0.2, logit: 0, positive: false, threshold: 0.5 },
  seconds: 0.1,
  ...more,
});

export const tile = (probability: number, more: Partial<{ x: number; value: number; rank: number }> = {}): Tile => [
  more.x ?? 0,
  0,
  16,
  16,
  probability,
  0,
  more.value ?? probability,
  more.rank ?? probability,
];

export const heatmapInfo = (event: MapEvent, tiles: Tile[]): HeatmapInfo => ({
  ...event,
  width: 64,
  height: 64,
  columns: tiles.length,
  rows: 1,
  hottest_tile: 0,
  tiles,
});

export const field = (name: string, more: Partial<OptionField> = {}): OptionField => ({
  name,
  kind: "integer",
  documentation: "",
  default: 64,
  minimum: null,
  maximum: null,
  unset: null,
  ...more,
});

export const viewerState = (more: Partial<ViewerState> = {}): ViewerState => ({
  version: "0.1.0",
  engine: "plan",
  models: [model("m")],
  offered_model: null,
  series: [series("a"), series("b")],
  reading: null,
  methods: [
    { word: "tiles", name: "Tiles", question: "Which parts?", documentation: "" },
    { word: "cam", name: "CAM", question: "Which places?", documentation: "" },
  ],
  colormaps: [
    {
      word: "gray",
      colours: Array.from({ length: 256 }, (_, at) => at.toString(16).padStart(2, "0").repeat(3)).join(""),
    },
  ],
  options: [
    field("tile_size", { minimum: 32, maximum: 4096 }),
    field("stride", { default: 0, unset: "three quarters of tile_size" }),
  ],
  marks_directory: "marks",
  upload_bytes: 1 << 20,
  ...more,
});
