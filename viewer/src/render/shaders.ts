// Programs for the graphics processor.

/** A triangle that covers everything. */
export const COVERING = `#version 300 es
void main() {
  gl_Position = vec4(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0, 0.0, 1.0);
}`;

export type SamplerType = "sampler2D" | "usampler2D" | "isampler2D";

/** A frame at its own resolution, windowed and under its overlay: what compose.ts computes. */
export const shade = (sampler: SamplerType) => `#version 300 es
precision highp float;
precision highp int;
precision highp ${sampler};
uniform ${sampler} samples;
uniform highp sampler2D heat;
uniform highp sampler2D colours;
uniform bool colour;
// What a normalised sample of 1 is stored as; 0: samples are not normalised.
uniform float unit;
// The stored value that becomes 0, and the rise for each one above it.
uniform float offset;
uniform float rise;
uniform bool threshold;
uniform bool invert;
uniform bool covered;
uniform float low;
uniform float span;
uniform float alpha;
uniform float hide_below;
out vec4 result;

void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  vec4 stored = vec4(texelFetch(samples, at, 0));
  vec3 under = stored.rgb;
  if (!colour) {
    float above = (unit > 0.0 ? floor(stored.r * unit + 0.5) : stored.r) - offset;
    float value = threshold ? (above * rise > 0.0 ? 1.0 : 0.0) : clamp(above * rise, 0.0, 1.0);
    under = vec3(invert ? 1.0 - value : value);
  }
  if (covered) {
    float value = texelFetch(heat, at, 0).r;
    if (value >= hide_below) {
      float relative = span > 0.0 ? (value - low) / span : 0.0;
      int index = int(clamp(relative * 256.0, 0.0, 255.0));
      under = alpha * texelFetch(colours, ivec2(index, 0), 0).rgb + (1.0 - alpha) * under;
    }
  }
  result = vec4(under, 1.0);
}`;

/** A rectangle, with the image's upper left corner at its own. */
export const PLACING = `#version 300 es
// Left, top, right and bottom in clip coordinates.
uniform vec4 place;
out vec2 at;
void main() {
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
  at = corner;
  gl_Position = vec4(mix(place.xy, place.zw, corner), 0.0, 1.0);
}`;

export const PLACED = `#version 300 es
precision highp float;
uniform sampler2D image;
uniform float bias;
in vec2 at;
out vec4 result;
void main() {
  result = vec4(texture(image, at, bias).rgb, 1.0);
}`;
