'use strict';

const { Context } = require('./lib/context');
const { LesionlensError } = require('./lib/errors');
const { Heatmap } = require('./lib/heatmap');
const { setLibrary, version } = require('./lib/library');
const { Model } = require('./lib/model');
const { Picture } = require('./lib/picture');
const { writePng } = require('./lib/image');

module.exports = { Context, Heatmap, LesionlensError, Model, Picture, setLibrary, version, writePng };
