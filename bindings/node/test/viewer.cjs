// README.md's program as a CommonJS module.
'use strict';

const { Context, ImageFile, writePng } = require('lesionlens');

async function main() {
    const context = new Context();
    const model = await context.loadModel('model.safetensors');
    const frame = new ImageFile('frame.png').image();
    console.log(`probability ${(await model.classify(frame)).probability}`);
    const heatmap = await model.heatmap(frame, { stride: 24 });
    writePng('overlay.png', heatmap.overlay(frame));
}

main();
