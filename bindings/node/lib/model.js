'use strict';

const calls = require('./calls');
const { refuse, split } = require('./arguments');
const { Address, Handle } = require('./handle');
const { Heatmap } = require('./heatmap');
const { copies, view, views } = require('./image');
const { documentOf, native } = require('./library');
const { run, runSync } = require('./threads');

const BESIDE = ['progress', 'signal'];

/** The call for one image or several, its options checked: what run() takes, and how its result is given back. */
function prepared(struct, images, options, give) {
    const several = Array.isArray(images);
    const taken = several ? views(images) : [view('image', images)];
    const { fields, rest } = split(struct, options, BESIDE);
    const finish = (results) => (several ? results.map(give) : give(results[0]));
    return { taken, fields, rest, finish };
}

function drawn(map) {
    return new Heatmap(new Address(map));
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
        return this.#run('classify', 'lens_classify_options', images, options, (prediction) => prediction);
    }

    classifySync(images, options) {
        return this.#runSync('classify', 'lens_classify_options', images, options, (prediction) => prediction);
    }

    async heatmap(images, options) {
        return this.#run('heatmaps', 'lens_heatmap_options', images, options, drawn);
    }

    heatmapSync(images, options) {
        return this.#runSync('heatmaps', 'lens_heatmap_options', images, options, drawn);
    }

    describe() {
        return Handle.use(Model, [this], (model) => documentOf((json) => native().lens_model_describe(model, json)));
    }

    #run(name, struct, images, options, give) {
        const { taken, fields, rest, finish } = prepared(struct, images, options, give);
        return Handle.use(Model, [this], (model) => {
            const build = (cancel) => {
                const { images: own, buffers } = copies(taken);
                return { argument: { model, images: own, options: { fields, cancel } }, transfer: buffers };
            };
            return run(name, build, rest);
        }).then(finish);
    }

    #runSync(name, struct, images, options, give) {
        const { taken, fields, rest, finish } = prepared(struct, images, options, give);
        return Handle.use(Model, [this], (model) => {
            const build = (cancel) => ({ argument: { model, images: taken, options: { fields, cancel } } });
            return finish(runSync(calls[name], build, rest));
        });
    }
}

module.exports = { Model };
