'use strict';

/** What the library refused and why. */
class LesionlensError extends Error {
    constructor(status, message) {
        super(message);
        this.name = 'LesionlensError';
        this.status = status;
    }
}

module.exports = { LesionlensError };
