'use strict';

const { integer, split, text } = require('./arguments');
const calls = require('./calls');
const { Address, Handle } = require('./handle');
const { BYTES } = require('./image');
const { check, nameOf, native } = require('./library');
const { run } = require('./threads');

const ARRAYS = { gray16: Uint16Array, gray_s16: Int16Array, gray_f32: Float32Array };

function chosen(file, frame, options) {
    const { fields } = split('lens_read_options', options);
    return { path: text('file', file), frame: integer('frame', frame, 0, 2 ** 32 - 1), fields };
}

/** The lookup table, copied, of a view that has one. */
function lutOf({ lut_values: values, lut_entries: entries, lut_first: first, lut_bits: bits }) {
    return entries === 0 ? {} : { lut: { values: calls.copied(new Uint16Array(entries), values), first, bits } };
}

/** A decoded image file. */
class ImageFile extends Handle {
    constructor(file, frame = 0, options = {}) {
        super(
            file instanceof Address ? file.value : calls.loadImageFile(chosen(file, frame, options)),
            native().lens_image_file_free,
        );
    }

    static async open(file, frame = 0, options = {}) {
        const argument = chosen(file, frame, options);
        return new ImageFile(new Address(await run('loadImageFile', () => ({ argument }))));
    }

    get frames() {
        return Handle.use(ImageFile, [this], (handle) => {
            const frames = [0];
            check(native().lens_image_file_get_frames(handle, frames));
            return frames[0];
        });
    }

    image() {
        return Handle.use(ImageFile, [this], (handle) => {
            const found = {};
            check(native().lens_image_file_get_view(handle, found));
            const format = nameOf('lens_pixel_format', found.format);
            const size = (found.height - 1) * Number(found.row_stride) + found.width * BYTES[format];
            const bytes = calls.copied(new Uint8Array(size), found.pixels);
            const Kind = ARRAYS[format] ?? Uint8Array;
            return {
                data: new Kind(bytes.buffer),
                width: found.width,
                height: found.height,
                format,
                rowStride: Number(found.row_stride),
                bitsStored: found.bits_stored,
                rescaleSlope: found.rescale_slope,
                rescaleIntercept: found.rescale_intercept,
                windowCenter: found.window_center,
                windowWidth: found.window_width,
                invert: found.invert === 1,
                windowFunction: nameOf('lens_window_function', found.window_function),
                ...lutOf(found),
            };
        });
    }
}

module.exports = { ImageFile };
