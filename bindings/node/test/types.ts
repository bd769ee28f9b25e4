// Compiled with --strict, never run: what a user of the types writes, and what they must refuse.
import { Context, Heatmap, LesionlensError, Model, ImageFile } from 'lesionlens';
import type { HeatmapOptions, Image, Progress } from 'lesionlens';

export async function uses(signal: AbortSignal): Promise<number> {
    using context = await Context.open({ device: 'cpu', threads: 2, seed: 7n, deterministic: true });
    const model: Model = await context.loadModel('model.safetensors');
    const image: Image = { data: new Uint16Array(64 * 64), width: 64, height: 64, windowCenter: 40, windowWidth: 400 };
    const options: HeatmapOptions = { method: 'cam', edge: 'cover', stride: 16 };
    const progress = ({ done, total }: Progress): boolean => done < total;
    const one: Heatmap = await model.heatmap(image, { ...options, signal, progress });
    const several: Heatmap[] = model.heatmapSync([image, new ImageFile('a.dcm', 3).image()]);
    const { data } = Heatmap.aggregate([one, ...several], 'mean').heatmap.overlay(image, { colormap: 'jet' });
    const tile = one.tiles()[one.hottestTile];
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
// @ts-expect-error: one image gives one prediction
export const list = (model: Model, image: Image) => model.classifySync(image).length;
