// A model's description in words. What a file does not say is left out.

import type { Model } from "./api/types";
import { compact, count, duration, probability } from "./format";

type Json = Record<string, unknown>;
const object = (value: unknown): Json =>
  value !== null && typeof value === "object" && !Array.isArray(value) ? (value as Json) : {};
const number = (value: unknown): number | null => (typeof value === "number" ? value : null);
const text = (value: unknown): string | null => (typeof value === "string" ? value : null);

/** Plainly whether the number can be read as a probability. */
export function calibrationOf(model: Model): string {
  if (model.temperature === null) {
    return "Not calibrated: the number orders images, it is not how often such a call is right.";
  }
  const samples = number(object(object(object(model.description).temperature_record).data).samples);
  return `Calibrated, temperature ${compact(Number(model.temperature.toPrecision(3)))}${samples === null ? "" : ` from ${count(samples, "image")}`}.`;
}

/** How the threshold was chosen. */
export function operatingPointOf(model: Model): string {
  const point = object(object(model.description).operating_point);
  const rule = text(point.rule);
  if (rule === null) return "";
  const [sensitivity, specificity] = [object(point.sensitivity), object(point.specificity)];
  const share = (of: Json) => (number(of.value) === null ? "–" : `${Math.round((number(of.value) ?? 0) * 100)} %`);
  const target = number(point.target);
  const chosen =
    rule === "sensitivity" && target !== null ? `for a sensitivity of ${Math.round(target * 100)} %` : `by ${rule}`;
  return `Operating point chosen ${chosen}: sensitivity ${share(sensitivity)}, specificity ${share(specificity)} on its data.`;
}

const samplesOf = (data: unknown): string | null => {
  const { samples, positives, negatives } = object(data);
  if (number(samples) === null) return null;
  return `${number(samples)} images: ${number(positives) ?? "?"} positive, ${number(negatives) ?? "?"} negative`;
};

const interval = (value: unknown): string | null => {
  const { value: middle, low, high } = object(value);
  if (number(middle) === null) return null;
  const ends =
    number(low) === null || number(high) === null
      ? ""
      : ` (${probability(number(low))} – ${probability(number(high))})`;
  return `${probability(number(middle))}${ends}`;
};

export interface CardGroup {
  title: string;
  facts: [name: string, value: string][];
}

export function cardOf(model: Model): CardGroup[] {
  const told = object(model.description);
  const training = object(told.training);
  const preprocessing = object(told.preprocessing);
  const point = object(told.operating_point);
  const record = object(told.temperature_record);
  const epochs = Array.isArray(training.epochs) ? (training.epochs as unknown[]).map(object) : [];
  const best = number(training.best_epoch);
  const epoch = epochs.find((one) => number(one.epoch) === best) ?? {};
  const options = object(training.options);
  const figure = (value: unknown) => (number(value) === null ? null : probability(number(value)));
  const groups: { title: string; facts: [string, string | null][] }[] = [
    {
      title: "Network",
      facts: [
        ["Architecture", text(told.architecture) === "densenet121" ? "DenseNet-121" : text(told.architecture)],
        ["Parameters", number(told.parameters) === null ? null : (number(told.parameters) ?? 0).toLocaleString("en")],
        [
          "Input",
          model.input_width === null ? "any size" : `${model.input_width} × ${model.input_height ?? model.input_width}`,
        ],
        ["Resampling", text(preprocessing.resize)],
        ["Arithmetic", told.int8 === true ? "ranges for INT8" : null],
        ["Engine", text(told.engine)],
        ["SHA-256", model.sha256],
      ],
    },
    {
      title: "Training",
      facts: [
        ["Trained on", samplesOf(training.train)],
        ["Validated on", samplesOf(training.validation)],
        ["Fingerprint", text(object(training.train).fingerprint)],
        ["Best epoch", best === null ? null : `${best} of ${epochs.length}`],
        ["AUC", figure(epoch.auc)],
        ["Accuracy", figure(epoch.accuracy)],
        ["Learning rate", number(options.learning_rate) === null ? null : compact(number(options.learning_rate) ?? 0)],
        ["Started", text(training.started)?.replace("T", " ").replace("Z", " UTC") ?? null],
        ["Time", number(training.seconds) === null ? null : duration(number(training.seconds) ?? 0)],
        ["Machine", [text(training.device), text(training.precision)].filter(Boolean).join(", ") || null],
      ],
    },
    {
      title: "Calibration",
      facts: [
        [
          "Temperature",
          model.temperature === null ? "not calibrated" : compact(Number(model.temperature.toPrecision(4))),
        ],
        ["Calibrated on", samplesOf(record.data)],
        [
          "Log loss",
          number(record.log_loss_before) === null
            ? null
            : `${probability(number(record.log_loss_before))} before, ${probability(number(record.log_loss_after))} after`,
        ],
        ["Threshold", probability(model.threshold)],
        ["Chosen", text(point.rule)],
        ["Sensitivity", interval(point.sensitivity)],
        ["Specificity", interval(point.specificity)],
      ],
    },
  ];
  return groups
    .map(({ title, facts }) => ({
      title,
      facts: facts.filter((fact): fact is [string, string] => fact[1] !== null && fact[1] !== ""),
    }))
    .filter(({ facts }) => facts.length > 0);
}
