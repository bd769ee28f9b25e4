// How the heatmap is made and how it is drawn.

import { useMemo } from "preact/hooks";
import type { OptionField } from "../api/types";
import { compact, probability } from "../format";
import { extent } from "../findings";
import { fieldsFor, labelOf, parsed, withOption } from "../options";
import { chooseMethod } from "../session";
import { signal } from "@preact/signals";
import { server, type Overlay, type Pane } from "../state";
import { Computing } from "./Tasks";
import { Button, Range, Section, Segmented, Select } from "./ui";

const sentence = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

/** What is wrong with a field's text, by its name. */
const wrong = signal<ReadonlyMap<string, string>>(new Map());

function set(pane: Pane, field: OptionField, text: string): void {
  const result = parsed(field, text);
  const next = new Map(wrong.value);
  if ("error" in result) next.set(field.name, result.error);
  else {
    next.delete(field.name);
    pane.options.value = withOption(pane.options.value, field, result.value);
    pane.tile.value = null;
  }
  wrong.value = next;
}

function Field({ pane, field }: { pane: Pane; field: OptionField }) {
  const value = pane.options.value[field.name] ?? field.default;
  const error = wrong.value.get(field.name);
  const name = labelOf(field);
  if (field.kind === "choice") {
    return (
      <Select
        label={name}
        value={String(value)}
        choices={(field.choices ?? []).map(({ word, documentation }) => ({
          value: word,
          name: word,
          title: documentation,
        }))}
        set={(text) => set(pane, field, text)}
        testid={`option-${field.name}`}
      />
    );
  }
  if (field.kind === "bool") {
    return (
      <label class="row" title={field.documentation}>
        <span class="row-name">{name}</span>
        <input
          type="checkbox"
          checked={value === true}
          data-testid={`option-${field.name}`}
          onChange={(event) => set(pane, field, String(event.currentTarget.checked))}
        />
      </label>
    );
  }
  // 0 and -1 stand for "not set" where the field says what that means.
  const given = pane.options.value[field.name];
  const shown = field.unset !== null ? (given === undefined ? "" : String(given)) : value === null ? "" : String(value);
  return (
    <>
      <label class="row" title={field.documentation}>
        <span class="row-name">{name}</span>
        <input
          class="number"
          type="text"
          inputMode={field.kind === "integer" ? "numeric" : "decimal"}
          value={shown}
          placeholder={field.unset ?? ""}
          aria-invalid={error !== undefined}
          aria-describedby={error === undefined ? undefined : `wrong-${field.name}`}
          data-testid={`option-${field.name}`}
          onChange={(event) => set(pane, field, event.currentTarget.value)}
          onKeyDown={(event) => event.key === "Enter" && set(pane, field, event.currentTarget.value)}
        />
      </label>
      {error !== undefined && (
        <p class="error-text" id={`wrong-${field.name}`} role="alert">
          {error}
        </p>
      )}
    </>
  );
}

function OptionsForm({ pane }: { pane: Pane }) {
  const fields = server.value?.options ?? [];
  const { shown, more } = fieldsFor(fields, String(pane.options.value.method));
  const changed = Object.keys(pane.options.value).filter((name) => name !== "method").length;
  if (shown.length + more.length === 0) return null;
  return (
    <details class="disclosure" data-testid="options">
      <summary>Options{changed > 0 && <span class="muted"> · {changed} changed</span>}</summary>
      {shown.map((field) => (
        <Field key={field.name} pane={pane} field={field} />
      ))}
      {more.length > 0 && (
        <details class="disclosure">
          <summary>More</summary>
          {more.map((field) => (
            <Field key={field.name} pane={pane} field={field} />
          ))}
        </details>
      )}
      <Button
        disabled={changed === 0 && wrong.value.size === 0}
        onClick={() => {
          wrong.value = new Map();
          pane.options.value = { method: pane.options.value.method ?? "tiles" };
        }}
      >
        Defaults
      </Button>
    </details>
  );
}

function Legend({ pane }: { pane: Pane }) {
  const overlay = pane.overlay.value;
  const heatmap = pane.heatmap.value;
  const table = server.value?.colormaps.find((one) => one.word === overlay.colormap);
  const range = useMemo(() => (heatmap ? extent(heatmap.values) : null), [heatmap?.values]);
  const gradient = useMemo(() => {
    if (!table) return "none";
    const stops = Array.from({ length: 33 }, (_, at) => {
      const place = Math.min(255, at * 8);
      return `#${table.colours.slice(place * 6, place * 6 + 6)} ${((place / 255) * 100).toFixed(2)}%`;
    });
    return `linear-gradient(to right, ${stops.join(", ")})`;
  }, [table?.colours]);
  const [low, high] = overlay.scale === "absolute" || range === null ? [0, 1] : range;
  const known = overlay.scale === "absolute" || range !== null;
  const hidden = high > low ? Math.min(1, Math.max(0, (overlay.hideBelow - low) / (high - low))) : 0;
  return (
    <div class="colours" data-testid="legend">
      <div class="colours-bar" style={{ background: gradient }}>
        <span class="colours-hidden" style={{ "--share": String(hidden) }} />
      </div>
      <div class="colours-ends">
        <span>{known ? probability(low) : "lowest"}</span>
        <span>{overlay.scale === "absolute" ? "how much" : "where: lowest to highest here"}</span>
        <span>{known ? probability(high) : "highest"}</span>
      </div>
      {overlay.shown && range !== null && overlay.hideBelow > range[1] && (
        <p class="hint">Nothing is drawn: the highest value is {probability(range[1])}.</p>
      )}
    </div>
  );
}

export function HeatmapPanel({ pane }: { pane: Pane }) {
  const state = server.value;
  if (!state) return null;
  const word = String(pane.options.value.method);
  const method = state.methods.find((one) => one.word === word);
  const overlay = pane.overlay.value;
  const change = (part: Partial<Overlay>) => (pane.overlay.value = { ...pane.overlay.value, ...part });
  return (
    <Section name="heatmap" title="Heatmap" note={method?.name}>
      <Segmented
        label="Method"
        value={word}
        choices={state.methods.map((one) => ({ value: one.word, name: one.name, title: one.documentation }))}
        choose={(value) => chooseMethod(pane, value)}
        testid="method"
      />
      {method && (
        <p class="question" data-testid="question">
          {sentence(method.question)}
        </p>
      )}
      <Computing kind="heatmap" />
      <label class="row switch-row">
        <span class="row-name">Overlay</span>
        <input
          class="switch"
          type="checkbox"
          role="switch"
          checked={overlay.shown}
          title="Overlay on, off (O)"
          data-testid="overlay"
          onChange={(event) => change({ shown: event.currentTarget.checked })}
        />
      </label>
      <Range
        label="Opacity"
        value={overlay.alpha}
        text={`${Math.round(overlay.alpha * 100)} %`}
        set={(alpha) => change({ alpha })}
        testid="opacity"
      />
      <Range
        label="Hide below"
        value={overlay.hideBelow}
        text={compact(overlay.hideBelow)}
        set={(hideBelow) => change({ hideBelow })}
        testid="hide-below"
      />
      <div class="row">
        <span class="row-name">Scale</span>
        <Segmented
          label="Scale"
          value={overlay.scale}
          choices={[
            { value: "minmax", name: "Min – max", title: "Colours run from the lowest to the highest value: where" },
            {
              value: "absolute",
              name: "Absolute",
              title: "Colours run from 0 to 1: how much; comparable between images",
            },
          ]}
          choose={(scale) => change({ scale })}
          testid="scale"
        />
      </div>
      <Select
        label="Colours"
        value={overlay.colormap}
        choices={state.colormaps.map(({ word: value }) => ({ value, name: value }))}
        set={(colormap) => change({ colormap })}
        testid="colormap"
      />
      <Legend pane={pane} />
      <OptionsForm pane={pane} />
    </Section>
  );
}
