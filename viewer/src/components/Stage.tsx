// The middle of the page: tools, the images, and their frames over time.

import { fit, oneToOne, resetWindow, toggleInvert, tool } from "../actions";
import type { Rectangle } from "../api/types";
import { probability, splitName, withoutPath } from "../format";
import { setBoxes } from "../marking";
import { activate, chooseMethod, compare, toggleOverlay } from "../session";
import { settled } from "../stage";
import { activePane, comparing, linked, panes, server, type Pane } from "../state";
import { PaneView } from "./PaneView";
import { Timeline } from "./Timeline";
import { Asked } from "./Tasks";
import { Welcome } from "./Welcome";
import { Button, Segmented, Select, Icon } from "./ui";

function Tools() {
  const pane = activePane.value;
  return (
    <div class={`tools ${comparing.value ? "tools-two" : ""}`} role="toolbar" aria-label="Image tools">
      <Segmented
        label="What dragging does"
        value={tool.value}
        choices={[
          {
            value: "window",
            name: (
              <>
                <Icon name="window" /> <span class="wide-only">Window</span>
              </>
            ),
            title: "Dragging changes the window (W)",
          },
          {
            value: "pan",
            name: (
              <>
                <Icon name="pan" /> <span class="wide-only">Move</span>
              </>
            ),
            title: "Dragging moves the image (H)",
          },
          {
            value: "box",
            name: (
              <>
                <Icon name="box" /> <span class="wide-only">Box</span>
              </>
            ),
            title: "Dragging draws a box (B)",
          },
        ]}
        choose={(value) => (tool.value = value)}
        testid="tool"
      />
      <div class="tool-group">
        <Button icon="fit" label="Fit" shortcut="F" onClick={() => fit(pane)} testid="fit" />
        <Button
          class="text-icon"
          label="1:1, one image pixel to one of the screen"
          shortcut="Z"
          onClick={() => oneToOne(pane)}
          testid="one-to-one"
        >
          1:1
        </Button>
        <Button
          icon="invert"
          label="Invert"
          shortcut="I"
          pressed={pane.inverted.value}
          onClick={() => toggleInvert(pane)}
          testid="invert"
        />
        <Button
          class="narrow-hidden"
          label="Reset the window to what the file opens with"
          shortcut="R"
          onClick={() => resetWindow(pane)}
          testid="reset-window"
        >
          Reset
        </Button>
      </div>
      <span class="spacer" />
      <div class="tool-group">
        <Button
          icon="layers"
          label="Overlay on, off"
          shortcut="O"
          pressed={pane.overlay.value.shown}
          onClick={() => toggleOverlay(pane)}
          testid="overlay-tool"
        >
          <span class="wide-only">Overlay</span>
        </Button>
        {comparing.value && (
          <Button
            icon="link"
            label="Linked: zoom, frame and window of both images go together"
            shortcut="L"
            pressed={linked.value}
            onClick={() => (linked.value = !linked.value)}
            testid="link"
          >
            <span class="wide-only">Linked</span>
          </Button>
        )}
        <Button
          icon="compare"
          label="Compare: a second image beside the first"
          shortcut="C"
          pressed={comparing.value}
          onClick={() => compare()}
          testid="compare"
        >
          <span class="wide-only">Compare</span>
        </Button>
      </div>
    </div>
  );
}

function PaneHead({ pane, letter }: { pane: Pane; letter: string }) {
  const state = server.value;
  const series = pane.shownSeries.value;
  const said = settled(pane) ? pane.prediction.value : null;
  return (
    <header class="pane-head">
      {comparing.value && <span class="pane-letter">{letter}</span>}
      <span class="pane-name" title={series?.name}>
        {series ? splitName(series.name).base : "Nothing opened"}
      </span>
      <span class="spacer" />
      {comparing.value && state && (
        <>
          {state.models.length > 1 && (
            <Select
              bare
              label={`Model of image ${letter}`}
              value={pane.model.value ?? ""}
              choices={state.models.map((model) => ({ value: model.id, name: model.name.replace(/\.[^.]*$/, "") }))}
              set={(value) => (pane.model.value = value)}
              testid="pane-model"
            />
          )}
          <Select
            bare
            label={`Method of image ${letter}`}
            value={String(pane.options.value.method)}
            choices={state.methods.map((method) => ({ value: method.word, name: method.name }))}
            set={(value) => chooseMethod(pane, value)}
            testid="pane-method"
          />
        </>
      )}
      {said && (
        <span class={`chip ${said.positive ? "chip-positive" : "chip-negative"}`} data-testid="pane-call">
          {probability(said.probability)} {said.positive ? "positive" : "negative"}
        </span>
      )}
    </header>
  );
}

function takeBoxes(pane: Pane, boxes: Rectangle[]): void {
  const series = pane.series.value;
  if (series !== null) void setBoxes(series, pane.frame.value, boxes);
}

export function Stage() {
  const empty = server.value !== null && server.value.series.length === 0 && server.value.reading === null;
  const shown = comparing.value ? panes : [panes[0]];
  return (
    <main class="stage" aria-label="Image">
      {empty ? (
        <Welcome />
      ) : (
        <>
          <Tools />
          <div class={`panes ${comparing.value ? "panes-two" : ""}`}>
            {shown.map((pane, at) => {
              const series = pane.shownSeries.value;
              return (
                <section
                  key={at}
                  class={`pane ${comparing.value && pane === activePane.value ? "pane-active" : ""}`}
                  aria-label={comparing.value ? `Image ${at === 0 ? "A" : "B"}` : "Image"}
                  data-testid={`pane-${at}`}
                  data-active={pane === activePane.value}
                  onPointerDownCapture={() => activate(pane)}
                  onFocusCapture={() => activate(pane)}
                >
                  <PaneHead pane={pane} letter={at === 0 ? "A" : "B"} />
                  <div class="pane-body">
                    {series?.error ? (
                      <div class="pane-error" role="alert" data-testid="pane-error">
                        <strong>This file cannot be shown.</strong>
                        <span>{withoutPath(series.error, series.name)}</span>
                      </div>
                    ) : (
                      <PaneView pane={pane} onBoxes={takeBoxes} />
                    )}
                  </div>
                </section>
              );
            })}
          </div>
          <Timeline pane={activePane.value} />
        </>
      )}
      <Asked />
    </main>
  );
}
