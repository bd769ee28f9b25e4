// What is drawn over a picture: boxes, tiles and the pointer of the other pane.

import type { Signal } from "@preact/signals";
import type { Rectangle, Tile } from "../api/types";
import { tool } from "../actions";
import { scaledView, tileAt, toSurface, type View } from "../geometry";
import { boxesOf } from "../picture";
import type { Stage } from "../stage";
import { comparing, linked, panes, type Pane } from "../state";
import type { Draft } from "./gestures";

function Outline({ box, view, kind, selected = false }: { box: Rectangle; view: View; kind: string; selected?: boolean }) {
  const corner = toSurface(view, box);
  const place = { x: corner.x, y: corner.y, width: box.width * view.zoom, height: box.height * view.zoom };
  return (
    <g class={`outline outline-${kind} ${selected ? "outline-selected" : ""}`} data-outline={kind}>
      <rect class="outline-halo" {...place} />
      <rect class="outline-line" {...place} />
      {selected &&
        [0, 1].flatMap((right) =>
          [0, 1].map((low) => (
            <rect
              class="outline-handle"
              key={`${right}${low}`}
              x={place.x + right * place.width - 3.5}
              y={place.y + low * place.height - 3.5}
              width={7}
              height={7}
            />
          )),
        )}
    </g>
  );
}

function TileOutline({ tile, view, kind }: { tile: Tile; view: View; kind: "tile" | "chosen" }) {
  const [x, y, width, height, probability] = tile;
  const corner = toSurface(view, { x, y });
  return (
    <>
      <Outline box={{ x, y, width, height }} view={view} kind={kind} />
      <text class="tile-label" x={corner.x + 4} y={Math.max(corner.y - 5, 12)}>
        {probability.toFixed(2)}
      </text>
    </>
  );
}

interface DrawingsProps {
  pane: Pane;
  stage: Stage;
  draft: Signal<Draft | null>;
  deleteBox(): void;
}

export function Drawings({ pane, stage, draft, deleteBox }: DrawingsProps) {
  const [surface, device, shown] = [stage.surface.value, stage.view.value, stage.shown.value];
  if (!surface || !device || shown.kind !== "picture") return null;
  const view = scaledView(device, surface.ratio);
  const { truth, own } = boxesOf(pane, stage);
  const drawn = draft.value;
  const boxes = own.map((box, index) => (drawn?.index === index ? drawn.box : box));
  if (drawn && drawn.index === null) boxes.push(drawn.box);
  const tiles = shown.heatmap?.info.tiles ?? [];
  const pointer = pane.pointer.value;
  const chosen = pane.tile.value;
  const under = pointer && tool.value !== "box" && pane.overlay.value.shown ? tileAt(tiles, pointer) : null;
  const selected = tool.value === "box" ? stage.selectedBox.value : null;
  const selectedBox = selected === null ? undefined : boxes[selected];
  const other = comparing.value && linked.value && !pointer ? panes.find((one) => one !== pane) : undefined;
  const elsewhere = other?.pointer.value;
  const otherSize = other?.shownSeries.value;
  const cross =
    elsewhere && otherSize && otherSize.width > 0
      ? toSurface(view, {
          x: (elsewhere.x / otherSize.width) * shown.picture.frame.width,
          y: (elsewhere.y / otherSize.height) * shown.picture.frame.height,
        })
      : null;
  return (
    <>
      <svg class="picture-drawings" aria-hidden="true">
        {under !== null && under !== chosen && <TileOutline tile={tiles[under]!} view={view} kind="tile" />}
        {chosen !== null && tiles[chosen] && <TileOutline tile={tiles[chosen]} view={view} kind="chosen" />}
        {truth.map((box, index) => (
          <Outline key={`truth-${index}`} box={box} view={view} kind="truth" />
        ))}
        {boxes.map((box, index) => (
          <Outline key={`own-${index}`} box={box} view={view} kind="own" selected={index === selected} />
        ))}
        {cross && <path class="picture-cross" d={`M${cross.x - 7} ${cross.y}h14M${cross.x} ${cross.y - 7}v14`} />}
      </svg>
      {selectedBox && !drawn && <DeleteButton box={selectedBox} view={view} deleteBox={deleteBox} />}
    </>
  );
}

function DeleteButton({ box, view, deleteBox }: { box: Rectangle; view: View; deleteBox(): void }) {
  const corner = toSurface(view, { x: box.x + box.width, y: box.y });
  return (
    <button
      type="button"
      class="picture-delete"
      aria-label="Delete the box"
      title="Delete the box (Delete)"
      style={{ left: `${corner.x}px`, top: `${corner.y}px` }}
      onClick={deleteBox}
    >
      <svg viewBox="0 0 10 10" aria-hidden="true">
        <path d="M2 2l6 6M8 2l-6 6" />
      </svg>
    </button>
  );
}
