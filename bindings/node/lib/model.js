'use strict';

const calls = require('./calls');
const { refuse, split } = require('./arguments');
const { Address, Handle } = require('./handle');
const { Heatmap } = require('./heatmap');
const { copies, view, views } = require('./image');
const { check, documentOf, nameOf, native } = require('./library');
const { run, runSync } = require('./threads');

const BESIDE = ['progress', 'signal'];

/** What a call for one image or several takes, its options checked, and how its results are given back. */
function prepared(struct, images, options, give) {
    const several = Array.isArray(images);
    const taken = several ? views(images) : [view('image', images)];
    const { fields, rest } = split(struct, options, BESIDE);
    const finish = (results) => (several ? results.map(give) : give(results[0]));
    return { taken, fields, rest, finish };
}

function classification(images, options) {
    return prepared('lens_classify_options', images, options, (prediction) => prediction);
}

function drawing(images, options) {
    return prepared('lens_heatmap_options', images, options, (heatmap) => new Heatmap(new Address(heatmap)));
}

function one(image) {
    return Array.isArray(image) ? refuse('image', image, 'one image; heatmaps() takes several') : image;
}

function several(images) {
    return Array.isArray(images) ? images : refuse('images', images, 'an array; heatmap() takes one image');
}

/** A trained classifier with its preprocessing and threshold. */
class Model extends Handle {
    constructor(address) {
        if (!(address instanceof Address)) {
            refuse('a Model', address, 'loaded by a Context');
        }
        super(address.value, native().lens_model_free);
    }

    async classify(images, options) {
        return this.#run('classify', classification(images, options));
    }

    classifySync(images, options) {
        return this.#runSync('classify', classification(images, options));
    }

    async heatmap(image, options) {
        return this.#run('heatmaps', drawing(one(image), options));
    }

    heatmapSync(image, options) {
        return this.#runSync('heatmaps', drawing(one(image), options));
    }

    async heatmaps(images, options) {
        return this.#run('heatmaps', drawing(several(images), options));
    }

    heatmapsSync(images, options) {
        return this.#runSync('heatmaps', drawing(several(images), options));
    }

    get readOptions() {
        return Handle.use(Model, [this], (model) => {
            const found = {};
            check(native().lens_model_get_read_options(model, found));
            return {
                display: nameOf('lens_display', found.display),
                window: found.window,
                applyOrientation: found.apply_orientation === 1,
            };
        });
    }

    describe() {
        return Handle.use(Model, [this], (model) => documentOf((json) => native().lens_model_describe(model, json)));
    }

    #run(name, { taken, fields, rest, finish }) {
        return Handle.use(Model, [this], (model) => {
            const build = (cancel) => {
                const { images, buffers } = copies(taken);
                return { argument: { model, images, options: { fields, cancel } }, transfer: buffers };
            };
            return run(name, build, rest);
        }).then(finish);
    }

    #runSync(name, { taken, fields, rest, finish }) {
        return Handle.use(Model, [this], (model) => {
            const build = (cancel) => ({ argument: { model, images: taken, options: { fields, cancel } } });
            return finish(runSync(calls[name], build, rest));
        });
    }
}

module.exports = { Model };
