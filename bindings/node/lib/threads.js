'use strict';

/*
 * Long calls off the event loop, on threads of this package's own. Not by koffi's async calls: lens_last_error() is the
 * calling thread's, which those do not let one come back to, and their stacks of 128 KiB are too small.
 */

const path = require('node:path');
const { Worker } = require('node:worker_threads');
const { LesionlensError } = require('./errors');
const { handleOf, native } = require('./library');

// Each call computes with all of the context's threads, so more at once gain little.
const LIMIT = 4;

const idle = [];
const waiting = [];
const tokens = new Set();
let count = 0;

// process.exit() waits for the threads, which are in C.
process.on('exit', () => {
    for (const token of tokens) {
        native().lens_cancel_token_trigger(token);
    }
});

async function acquire() {
    if (idle.length > 0) {
        return idle.pop();
    }
    if (count === LIMIT) {
        return new Promise((resolve) => waiting.push(resolve));
    }
    count += 1;
    return new Worker(path.join(__dirname, 'worker.js'), { workerData: { library: native().path } });
}

function release(worker) {
    const next = waiting.shift();
    if (next) {
        next(worker);
    } else {
        // An idle thread does not keep the process alive.
        worker.unref();
        idle.push(worker);
    }
}

/** Somebody who waits gets a new thread in place of one that ended. */
function lose() {
    count -= 1;
    const next = waiting.shift();
    if (next) {
        acquire().then(next);
    }
}

/** One call on one thread; the promise is settled when the thread is free again. */
function converse(worker, message, transfer, told) {
    return new Promise((resolve, reject) => {
        const end = (settle, value, keep) => {
            worker.off('message', receive).off('error', fail).off('exit', exit);
            (keep ? release : lose)(worker);
            settle(value);
        };
        const receive = ({ progress, result, error }) => {
            if (progress) {
                told(progress);
            } else if (error) {
                const made = error.status ? new LesionlensError(error.status, error.message) : new Error(error.message);
                end(reject, made, true);
            } else {
                end(resolve, result, true);
            }
        };
        const fail = (error) => end(reject, error, false);
        const exit = (code) => end(reject, new Error(`the thread of the call ended with ${code}`), false);
        worker.on('message', receive).on('error', fail).on('exit', exit);
        worker.ref();
        worker.postMessage(message, transfer);
    });
}

/**
 * Makes a call of calls.js. build is given the cancel token, and gives what the call takes and what of it moves to the
 * thread. progress: false or an exception stops the call; signal: aborts it.
 */
async function run(name, build, { progress, signal } = {}) {
    signal?.throwIfAborted();
    const token = handleOf((handle) => native().lens_cancel_token_new(handle));
    tokens.add(token);
    const stop = () => native().lens_cancel_token_trigger(token);
    let thrown = null;
    const told = (report) => {
        try {
            if (thrown === null && progress(report) === false) {
                stop();
            }
        } catch (error) {
            thrown = { error };
            stop();
        }
    };
    try {
        // Before anything is waited for: the caller may change its pixels as soon as it has the promise.
        const { argument, transfer } = build(token);
        signal?.addEventListener('abort', stop);
        const worker = await acquire();
        return await converse(worker, { name, argument, reports: Boolean(progress) }, transfer, told);
    } catch (error) {
        if (error.status === 'LENS_CANCELLED' && thrown === null && signal?.aborted) {
            throw signal.reason;
        }
        throw thrown ? thrown.error : error;
    } finally {
        signal?.removeEventListener('abort', stop);
        tokens.delete(token);
        native().lens_cancel_token_free(token);
    }
}

/** The same on this thread. */
function runSync(call, build, { progress, signal } = {}) {
    signal?.throwIfAborted();
    const token = handleOf((handle) => native().lens_cancel_token_new(handle));
    const stop = () => native().lens_cancel_token_trigger(token);
    let thrown = null;
    // What passes through C comes out of koffi as an answer of 0.
    const report = (told) => {
        try {
            return thrown === null && progress(told) !== false;
        } catch (error) {
            thrown = { error };
            return false;
        }
    };
    signal?.addEventListener('abort', stop);
    try {
        return call(build(token).argument, progress ? report : null);
    } catch (error) {
        if (error.status === 'LENS_CANCELLED' && thrown === null && signal?.aborted) {
            throw signal.reason;
        }
        throw thrown ? thrown.error : error;
    } finally {
        signal?.removeEventListener('abort', stop);
        native().lens_cancel_token_free(token);
    }
}

module.exports = { run, runSync };
