/// <reference lib="esnext.disposable" />

import type {
    Aggregate,
    ClassifyOptions,
    ContextOptions,
    HeatmapOptions,
    OverlayOptions,
    Phase,
    PixelFormat,
    ReadOptions,
    Status,
    WindowFunction,
} from './lib/options';

export * from './lib/options';

/** What the library refused and why: the message says what was wrong, with which value, and what would be right. */
export class LesionlensError extends Error {
    readonly status: Exclude<Status, 'LENS_OK'>;
}

/** What is seen for each whole rescaled value (DICOM's VOI LUT). */
export interface LookupTable {
    /** 1 to 65536. */
    readonly values: Uint16Array;
    /** The rescaled value of the first entry; when left out, 0. */
    readonly first?: number;
    /** 2^bits - 1 is the brightest; when left out, 16. */
    readonly bits?: number;
}

/** Pixels, such as a canvas' ImageData, and how their values become gray (lens_image in the C header). */
export interface Image {
    /** Row by row; samples of more than 8 bits in the machine's byte order. */
    readonly data: Uint8Array | Uint8ClampedArray | Uint16Array | Int16Array | Float32Array;
    readonly width: number;
    readonly height: number;
    /** When left out, by the array: gray8, gray16, gray_s16, gray_f32; rgba8 for clamped arrays. */
    readonly format?: PixelFormat;
    /** Bytes from one row to the next; when left out, without gaps. */
    readonly rowStride?: number;
    /** How many low bits of a 16-bit sample carry the value; when left out, all. */
    readonly bitsStored?: number;
    readonly rescaleSlope?: number;
    readonly rescaleIntercept?: number;
    /** In rescaled units. */
    readonly windowCenter?: number;
    /** Above 0, for 'linear' but of gray_f32 at least 1; when left out, the full stored range. */
    readonly windowWidth?: number;
    /** What the window does; when left out, 'linear'. */
    readonly windowFunction?: WindowFunction;
    /** In the place of a window. */
    readonly lut?: LookupTable;
    /** Bright means low, as in MONOCHROME1. */
    readonly invert?: boolean;
}

/** How far a call is. */
export interface Progress {
    readonly phase: Phase;
    /** Items of this phase done so far. */
    readonly done: number;
    /** Items of this phase in all. */
    readonly total: number;
    /** Estimated until the whole call is done; negative while unknown. */
    readonly secondsLeft: number;
}

export interface CallOptions {
    /** Told about once a batch. false stops the call with LENS_CANCELLED; an exception stops it and comes out of it. */
    progress?: (progress: Progress) => boolean | void;
    /** Stops the call, which then fails with the signal's reason. */
    signal?: AbortSignal;
}

/** What the model says of one image. */
export interface Prediction {
    /** Of the positive class, 0 to 1. */
    readonly probability: number;
    /** The network's output over the model's temperature, log(p / (1 - p)). */
    readonly logit: number;
    /** 1 when probability is greater than threshold, else 0. */
    readonly label: 0 | 1;
    /** The one that was used. */
    readonly threshold: number;
}

/** One tile of a heatmap, in pixels of the image. */
export interface Tile {
    readonly x: number;
    readonly y: number;
    readonly width: number;
    readonly height: number;
    /** What lens_tile.probability of the C header says for the heatmap's method. */
    readonly probability: number;
    readonly logit: number;
}

/**
 * Something of the library's. Freed by dispose(), at the end of a `using` block, or some time after nothing refers to
 * it. Disposing twice is harmless; calls that are under way go on.
 */
interface Handle {
    dispose(): void;
    [Symbol.dispose](): void;
}

/** The library set up for a device, precision and number of threads. Models keep what they need of it. */
export class Context implements Handle {
    /** Blocks while libraries are loaded; see open(). */
    constructor(options?: ContextOptions);
    /** As the constructor, off the event loop. */
    static open(options?: ContextOptions): Promise<Context>;
    /** Loads a model: the formats of lens_model_load() in the C header. */
    loadModel(file: string): Promise<Model>;
    loadModelSync(file: string): Model;
    /** What was found and decided: hardware, versions, policy with the reason for each choice. */
    describe(): Record<string, unknown>;
    dispose(): void;
    [Symbol.dispose](): void;
}

/**
 * A trained classifier with its preprocessing and threshold. Calls that give a promise compute on another thread, on a
 * copy of the pixels; the Sync ones block.
 */
export class Model implements Handle {
    private constructor();
    classify(image: Image, options?: ClassifyOptions & CallOptions): Promise<Prediction>;
    classify(images: readonly Image[], options?: ClassifyOptions & CallOptions): Promise<Prediction[]>;
    classifySync(image: Image, options?: ClassifyOptions & CallOptions): Prediction;
    classifySync(images: readonly Image[], options?: ClassifyOptions & CallOptions): Prediction[];
    /** Draws the heatmap of one image. */
    heatmap(image: Image, options?: HeatmapOptions & CallOptions): Promise<Heatmap>;
    heatmapSync(image: Image, options?: HeatmapOptions & CallOptions): Heatmap;
    /** Draws a heatmap of each image, such as the frames of a cine; their tiles share batches. */
    heatmaps(images: readonly Image[], options?: HeatmapOptions & CallOptions): Promise<Heatmap[]>;
    heatmapsSync(images: readonly Image[], options?: HeatmapOptions & CallOptions): Heatmap[];
    /** How image files should be read for it. */
    readonly readOptions: Required<ReadOptions>;
    /** Architecture, SHA-256 of the weights, preprocessing, temperature, threshold, engine and training record. */
    describe(): Record<string, unknown>;
    dispose(): void;
    [Symbol.dispose](): void;
}

/** The figures of a heatmap. */
export interface HeatmapSummary {
    /** Values in a row: the image's width, or with resolution 'tiles' columns. */
    readonly width: number;
    /** Rows of values. */
    readonly height: number;
    readonly mean: number;
    readonly maximum: number;
    /** Tiles in a row. */
    readonly columns: number;
    /** Rows of tiles. */
    readonly rows: number;
    /** Index in Heatmap.tiles() of the tile that matters most. */
    readonly hottestTile: number;
    /** What the heatmap says of the image. */
    readonly prediction: Prediction;
}

/** One heatmap of several. */
export interface AggregatedHeatmap {
    readonly heatmap: Heatmap;
    /** Index of the one with the highest probability. */
    readonly bestFrame: number;
}

/** A value for every pixel of an image, and the tiles it was made from. */
export class Heatmap implements Handle {
    private constructor();
    readonly summary: HeatmapSummary;
    /** The values, 0 to 1, row by row; a copy. */
    values(): Float32Array;
    /** The tiles, row by row. */
    tiles(): Tile[];
    /** The coloured heatmap blended over its image, as RGBA: for new ImageData(data, width, height). */
    overlay(image: Image, options?: OverlayOptions): { data: Uint8ClampedArray; width: number; height: number };
    /** Makes one heatmap of several of the same size and with the same tiles; these stay as they are. */
    static aggregate(heatmaps: readonly Heatmap[], how?: Aggregate): AggregatedHeatmap;
    dispose(): void;
    [Symbol.dispose](): void;
}

/** A decoded image file: DICOM, PNG, JPEG, BMP, WebP, TIFF. */
export class ImageFile implements Handle {
    /** frame: from 0. options: for images that a model is to see, its readOptions. */
    constructor(file: string, frame?: number, options?: ReadOptions);
    static open(file: string, frame?: number, options?: ReadOptions): Promise<ImageFile>;
    /** How many frames the file has. */
    readonly frames: number;
    /** The pixels, copied, with the rescaling, window or lookup table, and inversion that the file asks for. */
    image(): Image & { readonly format: PixelFormat };
    dispose(): void;
    [Symbol.dispose](): void;
}

/** Writes a PNG file, atomically; gray as it is seen (rescaled, windowed, inverted), colour as it is. */
export function writePng(file: string, image: Image): void;

/** Names liblesionlens.so, in place of the environment variable LESIONLENS_LIBRARY; before anything else is used. */
export function setLibrary(file: string): void;

/** The library's version, "major.minor.patch". */
export function version(): string;
