// Panels of the active pane but for call and heatmap.

import { currentFrame, resetWindow, setWindow, toggleInvert } from "../actions";
import { stepTile } from "../dispatch";
import { standing, standingOut } from "../findings";
import { compact, count, duration, probability } from "../format";
import { markOf, save, setBoxes } from "../marking";
import { cardOf } from "../modelcard";
import { frameKey, marks, marksSaved, server, type Pane } from "../state";
import { locatedIn } from "../truth";
import { centerWidth, isColour, windowOf } from "../windowing";
import { OfferedModel } from "./OfferedModel";
import { Button, Fact, Facts, Section, Select } from "./ui";

/** More are not listed; they are on the image all the same. */
const LISTED = 60;

export function TilesPanel({ pane }: { pane: Pane }) {
  const heatmap = pane.heatmap.value?.info.map === pane.map.value?.map ? pane.heatmap.value : null;
  const method = String(pane.options.value.method);
  const model = server.value?.models.find((one) => one.id === pane.model.value);
  const how = standing(method, heatmap?.info.prediction.threshold ?? model?.threshold ?? 0.5);
  const indices = heatmap ? standingOut(heatmap.info.tiles, how) : [];
  const note = heatmap ? String(indices.length) : undefined;
  return (
    <Section name="tiles" title={how.title} note={note}>
      {!heatmap ? (
        <p class="hint">There is no heatmap yet.</p>
      ) : indices.length === 0 ? (
        <p class="hint">
          None above {compact(Number(how.above.toPrecision(3)))} ({how.measure}).
        </p>
      ) : (
        <>
          <div class="stepper">
            <Button icon="previous" label={`${how.unit} before`} shortcut="P" onClick={() => stepTile(pane, -1)} />
            <span>
              {pane.tile.value !== null && indices.includes(pane.tile.value)
                ? `${indices.indexOf(pane.tile.value) + 1} of ${indices.length}`
                : count(indices.length, how.unit)}
            </span>
            <Button
              icon="next"
              label={`Next ${how.unit}`}
              shortcut="N"
              onClick={() => stepTile(pane, 1)}
              testid="next-tile"
            />
            <span class="hint">{how.measure}</span>
          </div>
          <ol class="tiles" data-testid="tiles">
            {indices.slice(0, LISTED).map((index, place) => {
              const tile = heatmap.info.tiles[index];
              if (!tile) return null;
              const [x, y, width, height] = tile;
              return (
                <li key={index}>
                  <button
                    type="button"
                    class="tile"
                    aria-pressed={pane.tile.value === index}
                    data-tile={index}
                    onClick={() => (pane.tile.value = pane.tile.value === index ? null : index)}
                  >
                    <span class="tile-rank">{place + 1}</span>
                    <span class="tile-value">{probability(how.value(tile))}</span>
                    <span class="tile-place">
                      {Math.round(x)}, {Math.round(y)}
                      <span class="muted">
                        {" "}
                        {Math.round(width)} × {Math.round(height)}
                      </span>
                    </span>
                  </button>
                </li>
              );
            })}
          </ol>
          {indices.length > LISTED && <p class="hint">and {indices.length - LISTED} more</p>}
        </>
      )}
    </Section>
  );
}

export function WindowPanel({ pane }: { pane: Pane }) {
  const frame = currentFrame(pane).value;
  if (!frame) {
    return (
      <Section name="window" title="Window">
        <p class="hint">There is no image.</p>
      </Section>
    );
  }
  if (isColour(frame.format)) {
    return (
      <Section name="window" title="Window">
        <p class="hint">Colour is shown as it is.</p>
      </Section>
    );
  }
  const { center, width } = centerWidth(pane.window.value ?? frame.window, frame.format);
  const number = (label: string, value: number, testid: string, set: (value: number) => void) => (
    <label class="stacked">
      <span>{label}</span>
      <input
        class="number"
        type="text"
        inputMode="decimal"
        value={compact(Number(value.toFixed(2)))}
        data-testid={testid}
        onChange={(event) => {
          const typed = Number(event.currentTarget.value.replace(",", "."));
          if (event.currentTarget.value.trim() !== "" && Number.isFinite(typed)) set(typed);
          else event.currentTarget.value = compact(Number(value.toFixed(2)));
        }}
      />
    </label>
  );
  return (
    <Section name="window" title="Window" note={`${compact(Math.round(center))} / ${compact(Math.round(width))}`}>
      <div class="window-fields">
        {number("Center", center, "window-center", (value) =>
          setWindow(pane, windowOf({ center: value, width }, frame.format)),
        )}
        {number("Width", width, "window-width", (value) =>
          setWindow(pane, windowOf({ center, width: value }, frame.format)),
        )}
        <Button pressed={pane.inverted.value} onClick={() => toggleInvert(pane)}>
          Invert
        </Button>
        <Button onClick={() => resetWindow(pane)}>Reset</Button>
      </div>
      {frame.presets.length > 0 && (
        <div class="presets" role="group" aria-label="Presets" data-testid="presets">
          {frame.presets.map(({ name, window }, at) => {
            const own = centerWidth(window, frame.format);
            return (
              <Button
                key={at}
                label={`${name}: center ${compact(own.center)}, width ${compact(own.width)}`}
                shortcut={at < 9 ? String(at + 1) : undefined}
                pressed={(pane.window.value ?? frame.window).every((end, side) => end === window[side])}
                onClick={() => setWindow(pane, window)}
              >
                {name || `Window ${at + 1}`}
              </Button>
            );
          })}
        </div>
      )}
      <p class="hint">
        Stored values {compact(frame.range[0])} to {compact(frame.range[1])}, {frame.format}
      </p>
    </Section>
  );
}

export function TruthPanel({ pane }: { pane: Pane }) {
  const series = pane.shownSeries.value;
  if (!series) return null;
  const here = series.boxes.filter((box) => box.frame === pane.frame.value);
  const located = locatedIn(pane);
  const note = located
    ? located.hit
      ? "hit"
      : "miss"
    : series.boxes.length > 0
      ? count(series.boxes.length, "box", "boxes")
      : "none";
  return (
    <Section name="truth" title="Ground truth" note={note}>
      {series.boxes.length === 0 && series.label === null ? (
        <p class="hint">Neither labels.csv nor boxes.csv lies beside this image.</p>
      ) : (
        <Facts testid="truth">
          {series.label !== null && <Fact name="labels.csv">{series.label === 1 ? "positive" : "negative"}</Fact>}
          {series.boxes.length > 0 && (
            <Fact name="boxes.csv">
              {series.frames > 1
                ? `${here.length} on this frame, ${series.boxes.length} in all`
                : count(series.boxes.length, "box", "boxes")}
            </Fact>
          )}
          {here.map((box, at) => (
            <Fact key={at} name={`Box ${at + 1}`}>
              {compact(box.x)}, {compact(box.y)} · {compact(box.width)} × {compact(box.height)}
            </Fact>
          ))}
          {here.length > 0 && (
            <Fact name="Hottest point">
              {located ? (
                <span class={located.hit ? "hit" : "miss"} data-testid="hit">
                  {located.hit ? "hit" : "miss"}, at {Math.round(located.point.x)}, {Math.round(located.point.y)}
                </span>
              ) : (
                "–"
              )}
            </Fact>
          )}
        </Facts>
      )}
      {here.length > 0 && <p class="hint">A hit lies in a box, or at most half a tile beside it.</p>}
    </Section>
  );
}

export function MarksPanel({ pane }: { pane: Pane }) {
  const series = pane.shownSeries.value;
  const mark = series ? marks.value.get(frameKey(series.id, pane.frame.value)) : undefined;
  const boxes = mark?.boxes ?? [];
  const all = marks.value.size;
  return (
    <Section name="marks" title="Your marks" note={all === 0 ? "none" : marksSaved.value ? "saved" : "not saved"}>
      {series && boxes.length > 0 && (
        <ol class="tiles">
          {boxes.map((box, at) => (
            <li key={at} class="mark-box">
              <span class="tile-rank">{at + 1}</span>
              <span class="tile-place">
                {compact(box.x)}, {compact(box.y)}
                <span class="muted">
                  {" "}
                  {compact(box.width)} × {compact(box.height)}
                </span>
              </span>
              <Button
                icon="close"
                label={`Remove box ${at + 1}`}
                onClick={() =>
                  void setBoxes(
                    series.id,
                    pane.frame.value,
                    markOf(series.id, pane.frame.value).boxes.filter((_, index) => index !== at),
                  )
                }
              />
            </li>
          ))}
        </ol>
      )}
      <p class="hint">
        {all === 0
          ? "Confirm or correct calls above, or draw boxes (B) on the image. Saved marks are a data set that train, evaluate and localize read."
          : `${count(all, "image")} marked, for ${server.value?.marks_directory ?? ""}`}
      </p>
      <Button
        class={marksSaved.value ? "" : "primary"}
        disabled={marksSaved.value}
        onClick={() => void save()}
        label="Save marks"
        shortcut="Ctrl S"
        testid="save-marks"
      >
        Save marks
      </Button>
    </Section>
  );
}

export function ModelPanel({ pane }: { pane: Pane }) {
  const state = server.value;
  if (!state) return null;
  const model = state.models.find((one) => one.id === pane.model.value);
  return (
    <Section name="model" title="Model" note={model?.name ?? "none"}>
      {state.models.length > 1 && (
        <Select
          label="Model"
          value={pane.model.value ?? ""}
          choices={state.models.map((one) => ({ value: one.id, name: one.name, title: one.sha256 }))}
          set={(value) => (pane.model.value = value)}
          testid="model"
        />
      )}
      {model ? (
        <div data-testid="model-card">
          {cardOf(model).map(({ title, facts }) => (
            <Facts key={title} title={title}>
              {facts.map(([name, value]) => (
                <Fact key={name} name={name} title={value.length > 40 ? value : undefined}>
                  {/^[0-9a-f]{64}$/.test(value) ? <code class="hash">{value}</code> : value}
                </Fact>
              ))}
            </Facts>
          ))}
          <details class="disclosure">
            <summary>All that the file says</summary>
            <pre tabIndex={0}>{JSON.stringify(model.description, null, 1)}</pre>
          </details>
        </div>
      ) : (
        <p class="hint">Drop a model file, such as model.safetensors, anywhere on the page.</p>
      )}
      {model && <OfferedModel />}
    </Section>
  );
}

export function EnginePanel({ pane }: { pane: Pane }) {
  const state = server.value;
  if (!state) return null;
  const [said, map] = [pane.prediction.value, pane.map.value];
  const tiles = pane.heatmap.value?.info.map === map?.map ? pane.heatmap.value?.info.tiles.length : undefined;
  return (
    <Section name="engine" title="Engine and time" note={map ? duration(map.seconds) : undefined}>
      <Facts testid="engine">
        <Fact name="Engine">{state.engine}</Fact>
        <Fact name="Image">{said ? duration(said.seconds) : "–"}</Fact>
        <Fact name="Heatmap">
          {map ? `${duration(map.seconds)}${tiles === undefined ? "" : ` for ${count(tiles, "tile")}`}` : "–"}
        </Fact>
        <Fact name="lesionlens">{state.version}</Fact>
      </Facts>
    </Section>
  );
}
