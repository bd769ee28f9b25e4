'use strict';

const path = require('node:path');
const koffi = require('koffi');
const declarations = require('./declarations');
const { LesionlensError } = require('./errors');

const ENVIRONMENT = 'LESIONLENS_LIBRARY';

let chosen = null;
let loaded = null;

/** Names the library's file; before it is needed first. */
function setLibrary(file) {
    if (typeof file !== 'string' || file === '') {
        throw new TypeError(`the library's path is ${String(file)}; it must be a string that is not empty`);
    }
    if (loaded !== null && loaded.path !== path.resolve(file)) {
        throw new Error(`the library is loaded already, from ${loaded.path}`);
    }
    chosen = path.resolve(file);
}

/** What somebody named, and that alone; else beside the package, and where the system looks. */
function candidates() {
    const named = chosen ?? process.env[ENVIRONMENT];
    return named ? [path.resolve(named)] : [path.join(__dirname, '..', 'liblesionlens.so'), 'liblesionlens.so.0'];
}

function open() {
    const failures = [];
    for (const candidate of candidates()) {
        try {
            return [candidate, koffi.load(candidate)];
        } catch (error) {
            failures.push(`${candidate} (${error.message})`);
        }
    }
    throw new Error(
        `liblesionlens.so cannot be loaded; tried: ${failures.join('; ')}; set the environment variable ` +
            `${ENVIRONMENT} to its path, or call setLibrary(path) first`,
    );
}

/** Functions under their C names, declared once for each thread. */
function load() {
    const [file, library] = open();
    const found = library.func('uint32_t lens_abi_version()')();
    if (found !== declarations.ABI_VERSION) {
        throw new Error(
            `${file} has ABI version ${found}, this package is for ${declarations.ABI_VERSION}: ` +
                'install both from the same release',
        );
    }
    for (const [name, fields] of Object.entries(declarations.structs)) {
        koffi.struct(name, fields);
        if (name === 'lens_progress') {
            koffi.proto('int32_t lens_progress_fn(void *progress, void *user_data)');
        }
    }
    const native = { path: file, memcpy: library.func('void *memcpy(void *to, void *from, size_t size)') };
    for (const declaration of declarations.functions) {
        native[/ (lens_\w+)\(/.exec(declaration)[1]] = library.func(declaration);
    }
    return native;
}

function native() {
    loaded ??= load();
    return loaded;
}

/** The library's version, "major.minor.patch". */
function version() {
    return native().lens_version();
}

/** Throws what a status stands for; on the thread that made the call, for the message is the thread's. */
function check(status) {
    if (status !== declarations.enumerations.lens_status.ok) {
        throw new LesionlensError(native().lens_status_name(status), native().lens_last_error());
    }
}

/** The handle that a call hands out. */
function handleOf(call) {
    const handle = [null];
    check(call(handle));
    return handle[0];
}

/** The JSON document that a call hands out, which is freed. */
function documentOf(call) {
    const text = handleOf(call);
    try {
        return JSON.parse(koffi.decode.string(text));
    } finally {
        native().lens_string_free(text);
    }
}

/** The name of a number; of one that only a newer library has, the number as text. */
function nameOf(enumeration, number) {
    const found = Object.entries(declarations.enumerations[enumeration]).find(([, value]) => value === number);
    return found ? found[0] : String(number);
}

module.exports = { setLibrary, native, version, check, handleOf, documentOf, nameOf };
