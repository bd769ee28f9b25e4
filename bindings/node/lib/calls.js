'use strict';

/*
 * The long calls, on the thread that they are made on: what they take and give can be copied from one thread to
 * another. report is told the progress and answers whether to go on.
 */

const koffi = require('koffi');
const { check, handleOf, nameOf, native } = require('./library');

/** The struct's defaults, and what was chosen. */
function filled(struct, fields) {
    const options = {};
    native()[`${struct}_init`](options);
    return Object.assign(options, fields);
}

function watched(struct, { fields, cancel }, report) {
    const options = filled(struct, fields);
    options.cancel = cancel;
    if (report) {
        options.progress = (address) => {
            const { phase, done, total, seconds_left: secondsLeft } = koffi.decode(address, 'lens_progress');
            const told = { phase: nameOf('lens_phase', phase), done: Number(done), total: Number(total), secondsLeft };
            return report(told) ? 0 : 1;
        };
    }
    return options;
}

function predictionOf({ probability, logit, label, threshold }) {
    return { probability, logit, label, threshold };
}

function init({ fields }) {
    return handleOf((handle) => native().lens_init(filled('lens_init_options', fields), handle));
}

function loadModel({ context, path }) {
    return handleOf((handle) => native().lens_model_load(context, path, handle));
}

function loadImageFile({ path, frame, fields }) {
    const options = filled('lens_read_options', fields);
    return handleOf((handle) => native().lens_image_file_load(path, frame, options, handle));
}

function classify({ model, images, options }, report) {
    const predictions = images.map(() => ({}));
    const choices = watched('lens_classify_options', options, report);
    check(native().lens_classify(model, images, images.length, choices, predictions));
    return predictions.map(predictionOf);
}

function heatmaps({ model, images, options }, report) {
    const heatmaps = images.map(() => null);
    const choices = watched('lens_heatmap_options', options, report);
    check(native().lens_heatmap_compute(model, images, images.length, choices, heatmaps));
    return heatmaps;
}

/** Copies out of C; without limit of size, as koffi's own conversions have one. */
function copied(array, address) {
    if (array.length > 0) {
        native().memcpy(array, address, array.byteLength);
    }
    return array;
}

module.exports = { init, loadModel, loadImageFile, classify, heatmaps, filled, predictionOf, copied };
