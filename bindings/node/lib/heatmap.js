'use strict';

const { choice, refuse, split } = require('./arguments');
const { copied, filled, predictionOf } = require('./calls');
const { structs } = require('./declarations');
const { Address, Handle } = require('./handle');
const { view } = require('./image');
const { check, native } = require('./library');

const TILE = Object.keys(structs.lens_tile);

/** What lens_heatmap_get_values() and lens_heatmap_get_tiles() give: elements of so many floats each, copied. */
function floats(call, each) {
    const address = [null];
    const count = [0];
    check(call(address, count));
    return copied(new Float32Array(Number(count[0]) * each), address[0]);
}

/** A value for every pixel of an image, and the tiles it was made from. */
class Heatmap extends Handle {
    #summary;

    constructor(address) {
        if (!(address instanceof Address)) {
            refuse('a Heatmap', address, 'drawn by a Model');
        }
        super(address.value, native().lens_heatmap_free);
        const found = {};
        check(native().lens_heatmap_get_summary(address.value, found));
        const { hottest_tile: hottestTile, prediction, ...figures } = found;
        this.#summary = Object.freeze({ ...figures, hottestTile, prediction: predictionOf(prediction) });
    }

    get summary() {
        return this.#summary;
    }

    values() {
        return Handle.use(Heatmap, [this], (heatmap) =>
            floats((values, count) => native().lens_heatmap_get_values(heatmap, values, count), 1),
        );
    }

    tiles() {
        const values = Handle.use(Heatmap, [this], (heatmap) =>
            floats((tiles, count) => native().lens_heatmap_get_tiles(heatmap, tiles, count), TILE.length),
        );
        return Array.from({ length: values.length / TILE.length }, (_, index) =>
            Object.fromEntries(TILE.map((name, place) => [name, values[index * TILE.length + place]])),
        );
    }

    overlay(image, options) {
        const taken = view('image', image);
        const choices = filled('lens_overlay_options', split('lens_overlay_options', options).fields);
        // As large as the heatmap: the library refuses an image of another size.
        const { width, height } = this.#summary;
        const data = new Uint8ClampedArray(4 * width * height);
        Handle.use(Heatmap, [this], (heatmap) =>
            check(native().lens_heatmap_overlay(heatmap, taken, choices, data, 4 * width)),
        );
        return { data, width, height };
    }

    static aggregate(heatmaps, how = 'max') {
        if (!Array.isArray(heatmaps)) {
            refuse('heatmaps', heatmaps, 'an array');
        }
        const rule = choice('how', how, 'lens_aggregate');
        return Handle.use(Heatmap, heatmaps, (...handles) => {
            const made = [null];
            const best = [0];
            check(native().lens_heatmap_aggregate(handles, handles.length, rule, made, best));
            return { heatmap: new Heatmap(new Address(made[0])), bestFrame: Number(best[0]) };
        });
    }
}

module.exports = { Heatmap };
