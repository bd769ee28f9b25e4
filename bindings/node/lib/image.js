'use strict';

const { choice, flag, integer, number, refuse, text } = require('./arguments');
const { check, native } = require('./library');

const SIDE_LIMIT = 65536;
const BYTES = { gray8: 1, gray16: 2, gray_s16: 2, gray_f32: 4, rgb8: 3, bgr8: 3, rgba8: 4, bgra8: 4 };
// What the elements of an array are taken for; canvases give clamped arrays.
const FORMATS = new Map([
    [Uint8ClampedArray, 'rgba8'],
    [Uint16Array, 'gray16'],
    [Int16Array, 'gray_s16'],
    [Float32Array, 'gray_f32'],
    [Uint8Array, 'gray8'],
]);
const PLAIN = {
    bits_stored: 0,
    rescale_slope: 1,
    rescale_intercept: 0,
    window_center: 0,
    window_width: 0,
    invert: 0,
    window_function: 0,
    lut_values: null,
    lut_entries: 0,
    lut_first: 0,
    lut_bits: 0,
};
const TONE = {
    bitsStored: ['bits_stored', (name, value) => integer(name, value, 0, 16)],
    rescaleSlope: ['rescale_slope', number],
    rescaleIntercept: ['rescale_intercept', number],
    windowCenter: ['window_center', number],
    windowWidth: ['window_width', number],
    invert: ['invert', flag],
    windowFunction: ['window_function', (name, value) => choice(name, value, 'lens_window_function')],
};

/** A lookup table as fields of lens_image. */
function table(name, lut) {
    if (typeof lut !== 'object' || lut === null) {
        refuse(name, lut, 'an object with values, first and bits');
    }
    if (!(lut.values instanceof Uint16Array)) {
        refuse(`${name}.values`, lut.values, 'a Uint16Array');
    }
    return {
        lut_values: lut.values,
        lut_entries: integer(`the length of ${name}.values`, lut.values.length, 1, 65536),
        lut_first: integer(`${name}.first`, lut.first ?? 0, -(2 ** 31), 2 ** 31 - 1),
        lut_bits: integer(`${name}.bits`, lut.bits ?? 16, 1, 16),
    };
}

/** An image as the lens_image of a call. name: for messages. */
function view(name, image) {
    if (typeof image !== 'object' || image === null) {
        refuse(name, image, 'an object with data, width and height');
    }
    const { data } = image;
    const kind = [...FORMATS.keys()].find((one) => data instanceof one);
    if (kind === undefined) {
        refuse(`${name}.data`, data, 'a Uint8Array, Uint8ClampedArray, Uint16Array, Int16Array or Float32Array');
    }
    const width = integer(`${name}.width`, image.width, 1, SIDE_LIMIT);
    const height = integer(`${name}.height`, image.height, 1, SIDE_LIMIT);
    const format = image.format ?? FORMATS.get(kind);
    const number = choice(`${name}.format`, format, 'lens_pixel_format');
    if (kind.BYTES_PER_ELEMENT > 1 && FORMATS.get(kind) !== format) {
        refuse(`${name}.format`, format, `'${FORMATS.get(kind)}', for its data is a ${kind.name}`);
    }
    const row = width * BYTES[format];
    const stride = integer(`${name}.rowStride`, image.rowStride ?? row, row, Number.MAX_SAFE_INTEGER);
    // C cannot see where an array ends.
    const needed = (height - 1) * stride + row;
    if (data.byteLength < needed) {
        throw new RangeError(
            `${name}.data has ${data.byteLength} bytes; ${width} x ${height} of ${format} with rows of ${stride} ` +
                `bytes need ${needed}`,
        );
    }
    const fields = { ...PLAIN };
    for (const [key, [field, convert]] of Object.entries(TONE)) {
        if (image[key] !== undefined) {
            fields[field] = convert(`${name}.${key}`, image[key]);
        }
    }
    if (image.lut !== undefined) {
        Object.assign(fields, table(`${name}.lut`, image.lut));
    }
    return { pixels: data, width, height, row_stride: stride, format: number, ...fields, reserved: 0 };
}

function views(images) {
    if (!Array.isArray(images)) {
        refuse('images', images, 'an array');
    }
    return images.map((image, index) => view(`images[${index}]`, image));
}

function bytesOf(array) {
    return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** Views of copies of the pixels, and the buffers of these, which move to another thread. */
function copies(images) {
    const made = images.map((image) => ({ ...image, pixels: bytesOf(image.pixels).slice() }));
    return { images: made, buffers: made.map((image) => image.pixels.buffer) };
}

/** Writes a PNG file, atomically; gray as it is seen (rescaled, windowed, inverted). */
function writePng(path, image) {
    check(native().lens_png_write(text('path', path), view('image', image)));
}

module.exports = { BYTES, copies, view, views, writePng };
