'use strict';

const { parentPort, workerData } = require('node:worker_threads');
const calls = require('./calls');
const { LesionlensError } = require('./errors');
const { setLibrary } = require('./library');

setLibrary(workerData.library);

parentPort.on('message', ({ name, argument, reports }) => {
    const report = reports
        ? (progress) => {
              parentPort.postMessage({ progress });
              return true;
          }
        : null;
    try {
        parentPort.postMessage({ result: calls[name](argument, report) });
    } catch (error) {
        const status = error instanceof LesionlensError ? error.status : null;
        parentPort.postMessage({ error: { status, message: error.message } });
    }
});
