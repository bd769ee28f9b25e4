'use strict';

const calls = require('./calls');
const { split, text } = require('./arguments');
const { ABI_VERSION } = require('./declarations');
const { Address, Handle } = require('./handle');
const { documentOf, native } = require('./library');
const { Model } = require('./model');
const { run } = require('./threads');

function chosen(options) {
    const { fields } = split('lens_init_options', options);
    return { fields: { ...fields, abi_version: ABI_VERSION } };
}

/** The library set up for a device, precision and number of threads. */
class Context extends Handle {
    constructor(options) {
        super(
            options instanceof Address ? options.value : calls.init(chosen(options)),
            native().lens_context_free,
        );
    }

    static async open(options) {
        const argument = chosen(options);
        return new Context(new Address(await run('init', () => ({ argument }))));
    }

    async loadModel(file) {
        const path = text('file', file);
        const model = await Handle.use(Context, [this], (context) =>
            run('loadModel', () => ({ argument: { context, path } })),
        );
        return new Model(new Address(model));
    }

    loadModelSync(file) {
        const path = text('file', file);
        return Handle.use(Context, [this], (context) => new Model(new Address(calls.loadModel({ context, path }))));
    }

    describe() {
        return Handle.use(Context, [this], (context) =>
            documentOf((json) => native().lens_context_describe(context, json)),
        );
    }
}

module.exports = { Context };
