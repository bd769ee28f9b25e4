'use strict';

/** Frees at once, or when the last call that uses it is over. */
function close(state) {
    state.closed = true;
    freeUnused(state);
}

function freeUnused(state) {
    if (state.closed && state.users === 0 && state.address !== null) {
        const address = state.address;
        state.address = null;
        state.free(address);
    }
}

// What was never disposed of is freed some time after nothing refers to it.
const forgotten = new FinalizationRegistry(close);

/** Something of the library's. */
class Handle {
    #state;

    constructor(address, free) {
        this.#state = { address, free, users: 0, closed: false };
        forgotten.register(this, this.#state, this);
    }

    /** Frees it; a second time does nothing. Calls that are under way go on with it. */
    dispose() {
        forgotten.unregister(this);
        close(this.#state);
    }

    [Symbol.dispose]() {
        this.dispose();
    }

    /** The state of an argument, which must be of this class and not closed. */
    static #open(kind, handle) {
        if (!(handle instanceof kind)) {
            throw new TypeError(`expected a ${kind.name}, not ${String(handle)}`);
        }
        if (handle.#state.closed) {
            throw new Error(`this ${kind.name} is disposed of`);
        }
        return handle.#state;
    }

    /** Calls with the addresses of handles of a class, which stay valid until the call, or its promise, is over. */
    static use(kind, handles, call) {
        const states = handles.map((handle) => Handle.#open(kind, handle));
        const leave = () => {
            for (const state of states) {
                state.users -= 1;
                freeUnused(state);
            }
        };
        for (const state of states) {
            state.users += 1;
        }
        let result;
        try {
            result = call(...states.map((state) => state.address));
        } catch (error) {
            leave();
            throw error;
        }
        if (result instanceof Promise) {
            return result.finally(leave);
        }
        leave();
        return result;
    }
}

/** A handle's address, as a constructor's argument: nobody outside of this package has one. */
class Address {
    constructor(value) {
        this.value = value;
    }
}

module.exports = { Address, Handle };
