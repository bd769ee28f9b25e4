'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');
const koffi = require('koffi');
const { Context, Heatmap, LesionlensError, Model, ImageFile, setLibrary, version, writePng } = require('..');

const DIRECTORY = process.env.LENS_TEST_DIRECTORY;
const file = (name) => path.join(DIRECTORY, name);
const MODEL = file('model.safetensors');
const expected = Object.fromEntries(
    fs.readFileSync(file('expected.properties'), 'utf8').trim().split('\n').map((line) => {
        const [name, value] = line.split('=');
        return [name, Number(value)];
    }),
);
const { width, height } = expected;
const raw = (name, Kind) => new Kind(new Uint8Array(fs.readFileSync(file(name))).buffer);
const gray8 = { data: raw('gray8.raw', Uint8Array), width, height };
const rgb = { data: raw('rgb.raw', Uint8Array), width, height, format: 'rgb8' };
const gray16 = { data: raw('gray16.raw', Uint16Array), width, height };
const WINDOW = { windowCenter: expected.window_center, windowWidth: expected.window_width };
const HEATMAP = { tileSize: expected.tile_size, stride: expected.stride };

const context = new Context({ device: 'cpu' });
const model = context.loadModelSync(MODEL);

function near(found, wanted, tolerance = 1e-5) {
    assert.ok(Math.abs(found - wanted) <= tolerance, `found ${found}, expected ${wanted}`);
}

const refused = (status, ...parts) => (error) => {
    assert.ok(error instanceof LesionlensError, String(error.stack));
    assert.equal(error.status, status);
    for (const part of parts) {
        assert.ok(error.message.includes(part), `no "${part}" in: ${error.message}`);
    }
    return true;
};

test('structs lie as in C', () => {
    const lines = fs.readFileSync(process.env.LENS_TEST_LAYOUT, 'utf8').trim().split('\n');
    assert.ok(lines.length > 60);
    for (const line of lines) {
        const [struct, field] = line.split(' ')[0].split('.');
        const found = field === undefined ? koffi.sizeof(struct) : koffi.offsetof(struct, field);
        assert.equal(`${line.split(' ')[0]} ${found}`, line);
    }
});

test('classifies as the command line does', async () => {
    const prediction = await model.classify(gray8);
    near(prediction.probability, expected['gray8.probability']);
    near(prediction.logit, expected['gray8.logit']);
    assert.equal(prediction.threshold, 0.5);
    assert.equal(prediction.label, prediction.probability > 0.5 ? 1 : 0);
    assert.deepEqual(model.classifySync(gray8), prediction);
    const both = model.classifySync([rgb, gray8], { threshold: 0.25, batchLimit: 1 });
    near(both[0].probability, expected['rgb.probability']);
    near(both[1].probability, expected['gray8.probability']);
    assert.ok(both[1].label === 1 && both[1].threshold === 0.25);
    assert.deepEqual(await model.classify([]), []);
});

test('pixels are read as they are meant', async () => {
    const probability = expected['gray16.probability'];
    near(model.classifySync({ ...gray16, ...WINDOW }).probability, probability);
    assert.ok(Math.abs(model.classifySync(gray16).probability - probability) > 1e-3);
    const signed = { ...gray16, data: new Int16Array(gray16.data), rescaleSlope: 2, rescaleIntercept: -10 };
    const doubled = { windowCenter: 2 * WINDOW.windowCenter - 10.5, windowWidth: 2 * WINDOW.windowWidth - 1 };
    near((await model.classify({ ...signed, ...doubled, bitsStored: 16 })).probability, probability);
    const inverted = { ...gray16, ...WINDOW, invert: true };
    assert.ok(Math.abs(model.classifySync(inverted).probability - probability) > 1e-3);
    const floats = { ...gray8, data: Float32Array.from(gray8.data, (value) => value / 255) };
    near((await model.classify(floats)).probability, expected['gray8.probability']);
    // A canvas' pixels, and a part of a larger buffer with gaps between the rows.
    const canvas = new Uint8ClampedArray(4 * width * height);
    const gaps = Buffer.alloc(50 + (3 * width + 5) * height).subarray(50);
    for (let index = 0; index < width * height; index++) {
        const pixel = rgb.data.subarray(3 * index, 3 * index + 3);
        canvas.set(pixel, 4 * index);
        gaps.set(pixel, Math.floor(index / width) * (3 * width + 5) + 3 * (index % width));
    }
    near((await model.classify({ data: canvas, width, height })).probability, expected['rgb.probability']);
    const strided = { data: gaps, width, height, format: 'rgb8', rowStride: 3 * width + 5 };
    near(model.classifySync(strided).probability, expected['rgb.probability']);
    near((await model.classify(strided)).probability, expected['rgb.probability']);
});

test('pixels may change once the promise is there', async () => {
    const image = { ...gray8, data: Uint8Array.from(gray8.data) };
    const promise = model.classify(image);
    image.data.fill(0);
    near((await promise).probability, expected['gray8.probability']);
});

test('heatmaps are the command line\'s', async () => {
    const heatmap = await model.heatmap(gray8, HEATMAP);
    const { summary } = heatmap;
    assert.equal(summary.width, width);
    assert.equal(summary.height, height);
    near(summary.mean, expected['heatmap.mean']);
    near(summary.maximum, expected['heatmap.maximum']);
    near(summary.prediction.probability, expected['heatmap.probability']);
    const values = heatmap.values();
    assert.ok(values instanceof Float32Array && values.length === width * height);
    raw('heatmap.raw', Float32Array).forEach((value, index) => near(values[index], value));
    const tiles = heatmap.tiles();
    assert.equal(tiles.length, expected['heatmap.columns'] * expected['heatmap.rows']);
    assert.equal(tiles.length, summary.columns * summary.rows);
    const hottest = tiles[summary.hottestTile];
    near(hottest.x, expected['heatmap.hottest.x'], 0);
    near(hottest.y, expected['heatmap.hottest.y'], 0);
    near(hottest.probability, expected['heatmap.hottest.probability']);

    const overlay = heatmap.overlay(gray8);
    raw('overlay.raw', Uint8Array).forEach((value, index) => near(overlay.data[index], value, 1));
    const plain = heatmap.overlay(gray8, { alpha: 0, colormap: 'jet', scale: 'absolute' });
    assert.equal(plain.data[4 * 77 + 1], gray8.data[77]);
    const other = { data: new Uint8Array(4), width: 2, height: 2 };
    assert.throws(() => heatmap.overlay(other), refused('LENS_ERROR_ARGUMENT', '2 x 2'));
    assert.deepEqual(model.heatmapSync(gray8, HEATMAP).values(), values);
    heatmap.dispose();
});

test('heatmaps of frames become one', async () => {
    const frames = await model.heatmaps([{ ...gray8, data: new Uint8Array(width * height) }, gray8], HEATMAP);
    const { heatmap, bestFrame } = Heatmap.aggregate(frames);
    const [dark, bright] = frames.map((frame) => frame.summary.prediction.probability);
    assert.equal(bestFrame, dark >= bright ? 0 : 1);
    const [first, second] = frames.map((frame) => frame.values());
    heatmap.values().forEach((value, index) => assert.equal(value, Math.max(first[index], second[index])));
    assert.throws(() => Heatmap.aggregate([]), refused('LENS_ERROR_ARGUMENT'));
    assert.throws(() => Heatmap.aggregate([model]), /expected a Heatmap/);
    frames[0].dispose();
    assert.throws(() => Heatmap.aggregate(frames, 'mean'), /Heatmap is disposed of/);
    assert.equal(frames[1].values().length, second.length);
});

test('DICOM files are read as asked', async () => {
    const path = file('viewing.dcm');
    const probability = (options) => model.classifySync(new ImageFile(path, 0, options).image()).probability;
    near(probability(), expected['sigmoid.probability']);
    near(probability({ window: 1 }), expected['table.probability']);
    near(probability({ display: 'full_range' }), expected['full_range.probability']);
    assert.deepEqual(model.readOptions, { display: 'viewer', window: 0, applyOrientation: true });
    near(probability(model.readOptions), expected['sigmoid.probability']);
    await assert.rejects(ImageFile.open(path, 0, { window: 2 }), refused('LENS_ERROR_ARGUMENT', 'window is 2'));
    assert.throws(() => new ImageFile(path, 0, { windows: 1 }), /no option 'windows'/);
    const table = (await ImageFile.open(path, 0, { window: 1 })).image();
    assert.equal(table.lut.first, 200);
    near((await model.classify(table)).probability, expected['table.probability']);
    assert.throws(() => model.classifySync({ ...table, lut: { ...table.lut, bits: 9 } }), refused('LENS_ERROR_ARGUMENT', 'entry 512'));
    assert.throws(() => model.classifySync({ ...table, lut: { values: [1] } }), /image.lut.values is 1; it must be a Uint16Array/);
    assert.throws(() => model.classifySync({ ...table, windowFunction: 'cubic' }), /image.windowFunction is 'cubic'/);
});

test('image files are read', async () => {
    const read = await ImageFile.open(file('gray16.png'));
    assert.equal(read.frames, 1);
    const image = read.image();
    read.dispose();
    assert.equal(image.format, 'gray16');
    near(model.classifySync({ ...image, ...WINDOW }).probability, expected['gray16.probability']);
    assert.throws(() => read.frames, /ImageFile is disposed of/);
    assert.throws(() => new ImageFile('/nowhere/ö.png'), refused('LENS_ERROR_IO', '/nowhere/ö.png'));
    await assert.rejects(ImageFile.open(file('gray8.png'), 3), refused('LENS_ERROR_ARGUMENT', '3'));
    assert.throws(() => new ImageFile(file('gray8.png'), -1), /frame is -1/);
    writePng(file('node.png'), rgb);
    assert.deepEqual(new ImageFile(file('node.png')).image().data, rgb.data);
    assert.throws(() => writePng('/nowhere/a.png', rgb), refused('LENS_ERROR_IO', '/nowhere'));
});

test('wrong input is refused before it reaches C', async () => {
    const image = { data: new Uint8Array(100), width: 10, height: 10 };
    const wrong = [
        [{ ...image, height: 11 }, /image\.data has 100 bytes.*110/],
        [{ ...image, width: 0 }, /image\.width is 0/],
        [{ ...image, width: 2 ** 40 }, /image\.width is 1099511627776/],
        [{ ...image, width: 65536, height: 65536 }, /4294967296/],
        [{ ...image, width: 3.5 }, /image\.width is 3\.5/],
        [{ ...image, rowStride: 9 }, /image\.rowStride is 9/],
        [{ ...image, rowStride: 11 }, /109/],
        [{ ...image, format: 'gray' }, /image\.format is 'gray'; it must be one of 'gray8'/],
        [{ ...image, data: new Uint16Array(100), format: 'gray8' }, /Uint16Array/],
        [{ ...image, data: 'pixels' }, /image\.data is 'pixels'/],
        [{ ...image, data: null }, /image\.data is null/],
        [{ ...image, windowCenter: '5' }, /image\.windowCenter is '5'/],
        [null, /image is null/],
        [undefined, /image is undefined/],
        [[image, null], /images\[1\] is null/],
    ];
    for (const [images, message] of wrong) {
        assert.throws(() => model.classifySync(images), { message });
        await assert.rejects(model.classify(images), { message });
    }
    assert.throws(() => model.heatmapSync([image]), /heatmaps\(\) takes several/);
    await assert.rejects(model.heatmaps(image), /heatmap\(\) takes one image/);
    assert.throws(() => model.classifySync(image, { tilesize: 3 }), /no option 'tilesize'; there are threshold/);
    assert.throws(() => model.heatmapSync(image, { stride: -1 }), /stride is -1/);
    assert.throws(() => model.heatmapSync(image, { method: 'grad-cam' }), /'grad-cam'; it must be one of 'tiles'/);
    assert.throws(() => model.heatmapSync(image, { method: 'toString' }), /'toString'/);
    assert.throws(() => model.classifySync(image, { progress: 1 }), /progress is 1/);
    assert.throws(() => model.classifySync(image, { signal: {} }), /AbortSignal/);
    assert.throws(() => new Context({ seed: -1 }), /seed is -1/);
    assert.throws(() => new Context({ deterministic: 1 }), /deterministic is 1/);
    assert.throws(() => context.loadModelSync('a\0b'), /without NUL/);
    assert.throws(() => context.loadModelSync(5), /file is 5/);
    assert.throws(() => new Model(), /loaded by a Context/);
    assert.throws(() => new Heatmap(5), /drawn by a Model/);
});

test('what the library refuses says why, on every thread', async () => {
    assert.throws(() => context.loadModelSync('/nowhere/m'), refused('LENS_ERROR_IO', '/nowhere/m'));
    const failures = Array.from({ length: 12 }, (_, index) =>
        assert.rejects(context.loadModel(`/nowhere/${index}`), refused('LENS_ERROR_IO', `/nowhere/${index}`)),
    );
    await Promise.all(failures);
    await assert.rejects(context.loadModel(file('gray8.png')), refused('LENS_ERROR_FORMAT'));
    await assert.rejects(Context.open({ threads: 5000 }), refused('LENS_ERROR_ARGUMENT', '5000'));
    assert.throws(() => new Context({ libtorchDir: '/nowhere/ü' }), refused('LENS_ERROR_IO', '/nowhere/ü'));
    await assert.rejects(model.heatmap(gray8, { tileSize: 7 }), refused('LENS_ERROR_ARGUMENT', '7'));
    await assert.rejects(model.classify({ ...gray16, bitsStored: 5 }), refused('LENS_ERROR_ARGUMENT', 'image 0'));
});

test('what is disposed of says so', async () => {
    const own = await Context.open({ device: 'cpu' });
    const loaded = await own.loadModel(MODEL);
    own.dispose();
    own.dispose();
    assert.throws(() => own.describe(), /Context is disposed of/);
    // Disposed of while a call is under way.
    const promise = loaded.classify([gray8, gray8, gray8], { batchLimit: 1 });
    loaded[Symbol.dispose]();
    near((await promise)[2].probability, expected['gray8.probability']);
    assert.throws(() => loaded.classifySync(gray8), /Model is disposed of/);
    await assert.rejects(loaded.classify(gray8), /Model is disposed of/);
});

test('progress is told, and stops', async () => {
    const images = Array(6).fill(gray8);
    for (const call of ['classify', 'classifySync']) {
        const told = [];
        await model[call](images, { batchLimit: 2, progress: (progress) => void told.push(progress) });
        assert.ok(told.length >= 3);
        const { phase, done, total } = told.at(-1);
        assert.deepEqual({ phase, done, total }, { phase: 'classify', done: 6, total: 6 });
        const many = Array(400).fill(gray8);
        let calls = 0;
        const stops = async () => model[call](many, { batchLimit: 1, progress: () => ++calls > 2 ? false : undefined });
        await assert.rejects(stops(), refused('LENS_CANCELLED'));
        const throws = async () =>
            model[call](many, {
                batchLimit: 1,
                progress: () => {
                    throw new RangeError('from progress');
                },
            });
        await assert.rejects(throws(), { name: 'RangeError', message: 'from progress' });
        const controller = new AbortController();
        const reason = new Error('enough');
        const aborts = async () =>
            model[call](many, { batchLimit: 1, signal: controller.signal, progress: () => controller.abort(reason) });
        await assert.rejects(aborts(), (error) => error === reason);
        const late = async () => model[call](gray8, { signal: controller.signal });
        await assert.rejects(late(), (error) => error === reason);
    }
    near(model.classifySync(gray8).probability, expected['gray8.probability']);
});

test('the event loop runs on during a call, and calls run beside each other', async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 5);
    const calls = Array.from({ length: 6 }, () => model.classify(Array(8).fill(gray8), { batchLimit: 2 }));
    const results = await Promise.all(calls);
    clearInterval(timer);
    assert.ok(ticks >= 3, `only ${ticks} ticks`);
    results.flat().forEach(({ probability }) => near(probability, expected['gray8.probability']));
});

test('a call that waits for a thread can be aborted', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const calls = Array.from({ length: 9 }, () => model.classify(Array(300).fill(gray8), { batchLimit: 1, signal }));
    setTimeout(() => controller.abort(), 20);
    for (const result of await Promise.allSettled(calls)) {
        assert.equal(result.reason?.name, 'AbortError');
    }
});

test('a process ends by itself, and by process.exit() during a call', () => {
    const program = (rest) => `
        const { Context } = require(${JSON.stringify(path.join(__dirname, '..'))});
        const model = new Context({ device: 'cpu' }).loadModelSync(${JSON.stringify(MODEL)});
        const image = { data: new Uint8Array(4096), width: 64, height: 64 };
        ${rest}`;
    const run = (rest) => spawnSync(process.execPath, ['-e', program(rest)], { timeout: 60000, encoding: 'utf8' });
    const ended = run('model.classify(image).then(({ probability }) => console.log(probability));');
    assert.equal(ended.status, 0, ended.stderr);
    assert.match(ended.stdout, /^0\.\d+\n$/);
    // Whole, it would take longer than the time it is given.
    const left = run('model.classify(Array(30000).fill(image), { batchLimit: 1, progress: () => process.exit(3) });');
    assert.equal(left.status, 3, left.stderr);
});

test('a library that is not there', () => {
    const program = `require(${JSON.stringify(path.join(__dirname, '..'))}).version()`;
    const env = { ...process.env, LESIONLENS_LIBRARY: '/nowhere/liblesionlens.so' };
    const failed = spawnSync(process.execPath, ['-e', program], { env, encoding: 'utf8' });
    assert.notEqual(failed.status, 0);
    assert.match(failed.stderr, /\/nowhere\/liblesionlens\.so.*LESIONLENS_LIBRARY.*setLibrary/s);
    assert.throws(() => setLibrary('/elsewhere/liblesionlens.so'), /loaded already, from/);
    assert.throws(() => setLibrary(''), TypeError);
});

test('the ES module has what the CommonJS one has', async () => {
    const module = await import('../index.mjs');
    assert.deepEqual({ ...module }, { ...require('..') });
});

test('describes itself', () => {
    assert.match(version(), /^\d+\.\d+\.\d+$/);
    assert.equal(typeof context.describe(), 'object');
    assert.match(model.describe().model_sha256, /^[0-9a-f]{64}$/);
});
