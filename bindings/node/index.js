'use strict';

const { Context } = require('./lib/context');
const { LesionlensError } = require('./lib/errors');
const { Heatmap } = require('./lib/heatmap');
const { writePng } = require('./lib/image');
const { ImageFile } = require('./lib/image_file');
const { setLibrary, version } = require('./lib/library');
const { Model } = require('./lib/model');

module.exports = { Context, Heatmap, ImageFile, LesionlensError, Model, setLibrary, version, writePng };
