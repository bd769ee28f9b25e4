// A picture with all that is drawn over it; fills its container.

import { effect, signal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { tool } from "../actions";
import type { Rectangle } from "../api/types";
import { followMap } from "../heatmaps";
import { playback } from "../playback";
import { stageOf } from "../stage";
import type { Pane } from "../state";
import { Corners } from "./Corners";
import { Drawings } from "./Drawings";
import { attachGestures, deleteSelectedBox, type Draft } from "./gestures";
import "./PaneView.css";
import { Screen } from "./screen";

export interface PaneViewProps {
  pane: Pane;
  /** Takes the reader's boxes of the pane's frame; without it none can be drawn. */
  onBoxes?(pane: Pane, boxes: Rectangle[]): void;
}

export function PaneView({ pane, onBoxes }: PaneViewProps) {
  const stage = stageOf(pane);
  const root = useRef<HTMLDivElement>(null);
  const canvases = useRef<HTMLDivElement>(null);
  const taking = useRef(onBoxes);
  taking.current = onBoxes;
  const draft = useMemo(() => signal<Draft | null>(null), [pane]);
  const handled = useMemo(
    () => ({ pane, stage, draft, onBoxes: (of: Pane, boxes: Rectangle[]) => taking.current?.(of, boxes) }),
    [pane],
  );

  useEffect(() => {
    const element = root.current!;
    const screen = new Screen(canvases.current!, pane, stage);
    const stops = [
      followMap(pane),
      stage.follow(),
      attachGestures(element, handled),
      effect(() => {
        void stage.frame.value;
        stage.selectedBox.value = null;
      }),
      effect(() => {
        const { shown, dropped } = playback.value;
        element.dataset.playbackShown = String(shown);
        element.dataset.playbackDropped = String(dropped);
      }),
    ];
    return () => {
      stops.forEach((stop) => stop());
      screen.dispose();
    };
  }, [pane]);

  const shown = stage.shown.value;
  const series = pane.shownSeries.value;
  const position = series && series.frames > 1 ? `, frame ${pane.frame.value + 1} of ${series.frames}` : "";
  const name = series ? `${series.name}${position}` : "No image";
  return (
    <div
      ref={root}
      class="picture"
      role="group"
      aria-roledescription="image"
      aria-label={name}
      tabIndex={0}
      data-state={shown.kind}
      data-tool={tool.value}
    >
      <div ref={canvases} class="picture-canvases" />
      <Drawings pane={pane} stage={stage} draft={draft} deleteBox={() => void deleteSelectedBox(handled)} />
      <Corners pane={pane} stage={stage} />
      {shown.kind === "loading" && (
        <div class="picture-message" role="status">
          Loading{position}
        </div>
      )}
      {shown.kind === "failed" && (
        <div class="picture-message picture-failed" role="alert" data-testid="frame-error">
          <strong>This frame cannot be shown{position}.</strong>
          <span>{shown.message}</span>
        </div>
      )}
    </div>
  );
}
