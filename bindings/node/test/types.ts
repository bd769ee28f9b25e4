// Compiled with --strict as an ES module and as a CommonJS one, never run: what a user of the types writes, and what
// they must refuse.
import { Context, Heatmap, ImageFile, LesionlensError, Model } from 'lesionlens';
import type { HeatmapOptions, HeatmapSummary, Image, Progress, Tile } from 'lesionlens';

export async function uses(signal: AbortSignal): Promise<number> {
    using context = await Context.open({ device: 'cpu', threads: 2, seed: 7n, deterministic: true });
    const model: Model = await context.loadModel('model.safetensors');
    const image: Image = { data: new Uint16Array(64 * 64), width: 64, height: 64, windowCenter: 40, windowWidth: 400 };
    const options: HeatmapOptions = { method: 'cam', edge: 'cover', stride: 16 };
    const progress = ({ done, total }: Progress): boolean => done < total;
    const one: Heatmap = await model.heatmap(image, { ...options, signal, progress });
    const several: Heatmap[] = model.heatmapsSync([image, new ImageFile('a.dcm', 3).image()]);
    const summary: HeatmapSummary = one.summary;
    const { data } = Heatmap.aggregate([one, ...several], 'mean').heatmap.overlay(image, { colormap: 'jet' });
    const tile: Tile | undefined = one.tiles()[summary.hottestTile];
    const canvas = new Uint8ClampedArray(data.length);
    try {
        return (await model.classify({ data: canvas, width: 64, height: 64 })).probability + (tile?.x ?? 0);
    } catch (error) {
        return error instanceof LesionlensError && error.status === 'LENS_CANCELLED' ? 0 : 1;
    }
}

// @ts-expect-error: no such method
export const method: HeatmapOptions = { method: 'grad-cam' };
// @ts-expect-error: no such option
export const size: HeatmapOptions = { tilesize: 64 };
// @ts-expect-error: models are loaded
export const made = () => new Model();
// @ts-expect-error: no status of a failure
export const status: LesionlensError['status'] = 'LENS_OK';
// @ts-expect-error: several images have several heatmaps
export const both = (model: Model, image: Image) => model.heatmap([image]);
// @ts-expect-error: one image gives one prediction
export const list = (model: Model, image: Image) => model.classifySync(image).length;
