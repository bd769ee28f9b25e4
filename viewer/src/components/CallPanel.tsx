// What the model says of the image, and what the reader says of that.

import type { Model } from "../api/types";
import { judge } from "../dispatch";
import { shareAbove } from "../findings";
import { count, percent, probability } from "../format";
import { setLabel } from "../marking";
import { calibrationOf, operatingPointOf } from "../modelcard";
import { settled } from "../stage";
import { frameKey, mapKey, marks, predictionKey, server, type Pane } from "../state";
import { CANCELLED, failures, retry } from "../work";
import { Computing } from "./Tasks";
import { OfferedModel } from "./OfferedModel";
import { Bar, Button, Fact, Facts, Section } from "./ui";

export function Failed({ keys }: { keys: string[] }) {
  const message = keys.map((key) => failures.value.get(key)).find((one) => one !== undefined);
  if (message === undefined) return null;
  return (
    <div class="failed" data-testid="failed">
      <span class={message === CANCELLED ? "muted" : "error-text"}>{message}</span>
      <Button onClick={() => retry(...keys)}>Compute</Button>
    </div>
  );
}

function ImageCall({ pane, model }: { pane: Pane; model: Model }) {
  const series = pane.shownSeries.value;
  const said = settled(pane) ? pane.prediction.value : null;
  if (!series) return null;
  const key = predictionKey(model.id, series.id, pane.frame.value);
  return (
    <div class="call" data-testid="call" data-series={said?.series} data-frame={said?.frame} data-model={said?.model}>
      <div class="call-head">
        <span class="call-name">Image probability</span>
        {said && (
          <span class={`verdict ${said.positive ? "positive" : "negative"}`} data-testid="verdict">
            {said.positive ? "Positive" : "Negative"}
          </span>
        )}
      </div>
      <div class="call-number">
        <span data-testid="probability" class={said ? "" : "muted"}>
          {probability(said?.probability)}
        </span>
        <span class="call-threshold">threshold {probability(model.threshold)}</span>
      </div>
      <Bar
        share={said?.probability ?? 0}
        mark={model.threshold}
        tone={said?.positive ? "bar-positive" : "bar-negative"}
      />
      <Computing kind="classify" />
      <Failed keys={[key]} />
      <p class="hint" data-testid="calibration">
        {calibrationOf(model)} {operatingPointOf(model)}
      </p>
    </div>
  );
}

function MapCall({ pane, model }: { pane: Pane; model: Model }) {
  const map = settled(pane) ? pane.map.value : null;
  const method = server.value?.methods.find((one) => one.word === pane.options.value.method);
  const tiles = pane.options.value.method === "tiles";
  const heatmap = pane.heatmap.value?.info.map === map?.map ? pane.heatmap.value : null;
  const threshold = map?.prediction.threshold ?? model.threshold;
  const above = heatmap ? shareAbove(heatmap.info, threshold) : null;
  return (
    <Facts title={method?.name ?? "Heatmap"} testid="map-call">
      <Fact name={tiles ? "Mean of tiles" : "Mean of the map"}>{probability(map?.mean)}</Fact>
      {tiles && (
        <Fact name="Tiles above threshold">
          {above === null || !heatmap
            ? "–"
            : `${percent(above)}, ${Math.round(above * heatmap.info.tiles.length)} of ${heatmap.info.tiles.length}`}
        </Fact>
      )}
      <Fact name={tiles ? "Hottest tile" : "Highest value"}>
        {tiles && heatmap ? probability(heatmap.info.tiles[heatmap.info.hottest_tile]?.[4]) : probability(map?.maximum)}
      </Fact>
    </Facts>
  );
}

function Judgement({ pane }: { pane: Pane }) {
  const series = pane.shownSeries.value;
  if (!series || series.error) return null;
  const frame = pane.frame.value;
  const said = pane.prediction.value;
  const label = marks.value.get(frameKey(series.id, frame))?.label ?? null;
  const word = (value: 0 | 1) => (value === 1 ? "positive" : "negative");
  const choice = (value: 0 | 1, testid: string) => {
    const right = said === null ? null : (said.positive ? 1 : 0) === value;
    const name = right === null ? `Mark ${word(value)}` : right ? `Confirm: ${word(value)}` : `Correct: ${word(value)}`;
    const set = () => (right === null ? void setLabel(series.id, frame, value) : judge(pane, right));
    return (
      <Button
        class={value === 1 ? "mark-positive" : "mark-negative"}
        pressed={label === value}
        shortcut={right === null ? undefined : right ? "Y" : "X"}
        label={name}
        onClick={set}
        testid={testid}
      >
        {name}
      </Button>
    );
  };
  const first: 0 | 1 = said && !said.positive ? 0 : 1;
  return (
    <div class="judgement" role="group" aria-label="Your call" data-testid="judgement">
      {choice(first, "confirm")}
      {choice(first === 1 ? 0 : 1, "correct")}
      <Button
        label="Take the label away"
        icon="close"
        disabled={label === null}
        onClick={() => void setLabel(series.id, frame, null)}
        testid="unmark"
      />
    </div>
  );
}

export function CallPanel({ pane }: { pane: Pane }) {
  const model = server.value?.models.find((one) => one.id === pane.model.value);
  const series = pane.shownSeries.value;
  const frames = series?.frames ?? 0;
  const note = series && frames > 1 ? `frame ${pane.frame.value + 1}` : undefined;
  return (
    <Section name="call" title="Call" note={note}>
      {!model ? (
        <>
          <p class="hint">
            There is no model: images are shown and not computed. Drop a model file anywhere on the page.
          </p>
          <OfferedModel />
        </>
      ) : !series || series.error ? (
        <p class="hint">Nothing to classify.</p>
      ) : (
        <>
          <ImageCall pane={pane} model={model} />
          <MapCall pane={pane} model={model} />
          <Failed keys={[mapKey(model.id, series.id, pane.frame.value, pane.options.value)]} />
        </>
      )}
      {series?.label != null && (
        <p class="hint">
          labels.csv says <strong>{series.label === 1 ? "positive" : "negative"}</strong> of this{" "}
          {count(frames, "image", "series")}.
        </p>
      )}
      <Judgement pane={pane} />
    </Section>
  );
}
