// The form of heatmap options, made from what the server says of them.

import type { HeatmapOptions, OptionField } from "./api/types";

type Value = boolean | number | string;

/** Of methods that lay tiles over the image. */
const tiled = new Set(["tile_size", "stride", "edge", "blend"]);
const untiled = new Set(["cam", "grad-cam++"]);
/** What a reader changes; the others are behind "More". */
const first = ["tile_size", "stride", "blend", "edge", "scale"];
/** The page shows maps of pixels only, and has a switch of its own for methods. */
const never = new Set(["method", "resolution"]);

export function fieldsFor(
  fields: readonly OptionField[],
  method: string,
): { shown: OptionField[]; more: OptionField[] } {
  const usable = fields.filter((field) => !never.has(field.name) && !(untiled.has(method) && tiled.has(field.name)));
  const place = (field: OptionField) => first.indexOf(field.name);
  return {
    shown: usable.filter((field) => place(field) >= 0).sort((a, b) => place(a) - place(b)),
    more: usable.filter((field) => place(field) < 0),
  };
}

/** What the field's text means: a value, undefined for the default, or what is wrong with it. */
export function parsed(field: OptionField, text: string): { value: Value | undefined } | { error: string } {
  const trimmed = text.trim();
  if (trimmed === "") return { value: undefined };
  if (field.kind === "bool") {
    return trimmed === "true" || trimmed === "false"
      ? { value: trimmed === "true" }
      : { error: `${field.name} is true or false, not ${trimmed}` };
  }
  if (field.kind === "choice") {
    const words = (field.choices ?? []).map((choice) => choice.word);
    return words.includes(trimmed)
      ? { value: trimmed }
      : { error: `${field.name} is one of ${words.join(", ")}, not ${trimmed}` };
  }
  const value = Number(trimmed.replace(",", "."));
  const wanted = field.kind === "integer" ? "a whole number" : "a number";
  if (!Number.isFinite(value) || (field.kind === "integer" && !Number.isInteger(value))) {
    return { error: `${field.name} is ${wanted}, not ${trimmed}` };
  }
  if ((field.minimum !== null && value < field.minimum) || (field.maximum !== null && value > field.maximum)) {
    const ends = [
      field.minimum === null ? "" : `at least ${field.minimum}`,
      field.maximum === null ? "" : `at most ${field.maximum}`,
    ];
    return { error: `${field.name} is ${ends.filter(Boolean).join(" and ")}, not ${trimmed}` };
  }
  return { value };
}

/** `options` with one of them set; a default is left out, so that equal heatmaps have equal options. */
export function withOption(options: HeatmapOptions, field: OptionField, value: Value | undefined): HeatmapOptions {
  const { [field.name]: _before, ...others } = options;
  return value === undefined || value === field.default ? others : { ...others, [field.name]: value };
}

/** `options` without those that say the default, but for the method. */
export function withoutDefaults(options: HeatmapOptions, fields: readonly OptionField[]): HeatmapOptions {
  const defaults = new Map(fields.map((field) => [field.name, field.default]));
  return Object.fromEntries(
    Object.entries(options).filter(([name, value]) => name === "method" || defaults.get(name) !== value),
  );
}

export const labelOf = (field: OptionField) => {
  const words = field.name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
};
