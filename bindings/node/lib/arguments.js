'use strict';

const { enumerations, options: known } = require('./declarations');

const INTEGERS = { uint32_t: [0, 2 ** 32 - 1], int32_t: [-(2 ** 31), 2 ** 31 - 1] };

function refuse(name, value, expected) {
    const shown = typeof value === 'string' ? `'${value}'` : String(value);
    throw new TypeError(`${name} is ${shown}; it must be ${expected}`);
}

function integer(name, value, lowest, highest) {
    if (!Number.isInteger(value) || value < lowest || value > highest) {
        refuse(name, value, `an integer from ${lowest} to ${highest}`);
    }
    return value;
}

function number(name, value) {
    return typeof value === 'number' ? value : refuse(name, value, 'a number');
}

/** C would end it at a NUL. */
function text(name, value) {
    return typeof value === 'string' && !value.includes('\0') ? value : refuse(name, value, 'a string without NUL');
}

function flag(name, value) {
    return typeof value === 'boolean' ? Number(value) : refuse(name, value, 'true or false');
}

function choice(name, value, enumeration) {
    const constants = enumerations[enumeration];
    return Object.hasOwn(constants, value)
        ? constants[value]
        : refuse(name, value, `one of ${Object.keys(constants).map((one) => `'${one}'`).join(', ')}`);
}

function seed(name, value) {
    if ((typeof value !== 'bigint' && !Number.isSafeInteger(value)) || value < 0 || value >= 2n ** 64n) {
        refuse(name, value, 'an integer, 0 or more and below 2^64');
    }
    return BigInt(value);
}

function converted(name, value, kind) {
    if (kind in INTEGERS) {
        return integer(name, value, ...INTEGERS[kind]);
    }
    const conversions = { float: number, double: number, text, flag, uint64_t: seed };
    return kind in conversions ? conversions[kind](name, value) : choice(name, value, kind);
}

/** Options as fields of their struct, and beside them what is no field: progress and signal, where a call has these. */
function split(struct, options = {}, beside = []) {
    if (typeof options !== 'object' || options === null) {
        refuse('options', options, 'an object');
    }
    const fields = {};
    const rest = {};
    for (const [name, value] of Object.entries(options)) {
        if (value === undefined) {
            continue;
        }
        if (beside.includes(name)) {
            rest[name] = value;
        } else if (Object.hasOwn(known[struct], name)) {
            const [field, kind] = known[struct][name];
            fields[field] = converted(name, value, kind);
        } else {
            const names = [...Object.keys(known[struct]), ...beside].join(', ');
            throw new TypeError(`there is no option '${name}'; there are ${names}`);
        }
    }
    if (rest.progress !== undefined && typeof rest.progress !== 'function') {
        refuse('progress', rest.progress, 'a function');
    }
    if (rest.signal !== undefined && !(rest.signal instanceof AbortSignal)) {
        refuse('signal', rest.signal, 'an AbortSignal');
    }
    return { fields, rest };
}

module.exports = { choice, flag, integer, number, refuse, split, text };
