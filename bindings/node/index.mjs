import lesionlens from './index.js';

export const { Context, Heatmap, ImageFile, LesionlensError, Model, setLibrary, version, writePng } = lesionlens;
