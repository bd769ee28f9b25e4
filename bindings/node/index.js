'use strict';

const { Context } = require('./lib/context');
const { LesionlensError } = require('./lib/errors');
const { Heatmap } = require('./lib/heatmap');
const { setLibrary, version } = require('./lib/library');
const { Model } = require('./lib/model');
const { ImageFile } = require('./lib/image_file');
const { writePng } = require('./lib/image');

module.exports = { Context, Heatmap, LesionlensError, Model, ImageFile, setLibrary, version, writePng };
