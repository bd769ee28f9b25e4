// Mouse, touch and pen on a picture: windows, moving, magnifying, frames and boxes.

import { batch, type Signal } from "@preact/signals";
import { fit, panBy, setWindow, tool, zoomBy } from "../actions";
import type { Rectangle, Window } from "../api/types";
import { boxBetween, gripAt, grippedBox, toImage, wholeBox, within, type Grip, type Point } from "../geometry";
import { boxesOf } from "../picture";
import { playing, step, toggle } from "../player";
import type { Stage } from "../stage";
import { activePane, type Pane } from "../state";
import { draggedWindow, isColour } from "../windowing";

/** A box that is being drawn or changed; `index` is the one it replaces. */
export interface Draft {
  index: number | null;
  box: Rectangle;
}

export interface Handled {
  pane: Pane;
  stage: Stage;
  draft: Signal<Draft | null>;
  /** Takes the reader's boxes of the shown frame. */
  onBoxes(pane: Pane, boxes: Rectangle[]): void;
}

/** Pixels of CSS that a pointer moves before it drags. */
const DRAG_FROM = 3;
/** How near, in pixels of CSS, an edge of a box is held. */
const REACH = { mouse: 6, touch: 16 } as const;
/** Wheel distance of a frame, in pixels of CSS. */
const WHEEL_OF_A_FRAME = 60;

type Drag =
  | { kind: "pan" }
  | { kind: "window"; start: Window }
  | { kind: "box"; key: string; from: Point; grip: Grip | null; before: readonly Rectangle[] };

const shownKey = (stage: Stage) => `${stage.frame.peek()?.series}/${stage.frame.peek()?.frame}`;

/** Removes the selected box, if there is one. */
export function deleteSelectedBox({ pane, stage, onBoxes }: Omit<Handled, "draft">): boolean {
  const selected = stage.selectedBox.peek();
  const { own } = boxesOf(pane, stage);
  if (selected === null || !own[selected]) return false;
  stage.selectedBox.value = null;
  onBoxes(pane, own.filter((_, index) => index !== selected));
  return true;
}

/** Listens on an element that the picture fills, until the returned function is called. */
export function attachGestures(element: HTMLElement, handled: Handled): () => void {
  const { pane, stage, draft, onBoxes } = handled;
  /** Where pointers that are down are now, in pixels of CSS from the corner. */
  const down = new Map<number, Point>();
  let drag: Drag | null = null;
  let start: Point = { x: 0, y: 0 };
  let moved = false;
  let hovering = false;
  let space: { used: boolean } | null = null;
  let wheel = 0;

  const ratio = () => stage.surface.peek()?.ratio ?? 1;
  const corner = () => element.getBoundingClientRect();
  const local = (event: MouseEvent): Point => {
    const { left, top } = corner();
    return { x: event.clientX - left, y: event.clientY - top };
  };
  const onSurface = (at: Point): Point => ({ x: at.x * ratio(), y: at.y * ratio() });
  const onImage = (at: Point): Point | null => {
    const view = stage.view.peek();
    return view ? toImage(view, onSurface(at)) : null;
  };

  function hover(at: Point | null): void {
    const frame = stage.frame.peek();
    const point = at && onImage(at);
    pane.pointer.value = point && frame && within(frame, point) ? point : null;
  }

  function begin(event: PointerEvent, at: Point): Drag | null {
    const frame = stage.frame.peek();
    if (!frame) return null;
    const pans = event.button === 1 || (event.button === 0 && (event.shiftKey || space !== null));
    if (space) space.used = true;
    if (pans) return { kind: "pan" };
    if (event.button !== 0) return null;
    switch (tool.peek()) {
      case "pan":
        return { kind: "pan" };
      case "window":
        return isColour(frame.format) ? { kind: "pan" } : { kind: "window", start: stage.window.peek() ?? frame.window };
      case "box": {
        playing.value = false;
        const from = onImage(at)!;
        const { own } = boxesOf(pane, stage);
        const reach = (event.pointerType === "touch" ? REACH.touch : REACH.mouse) * (ratio() / stage.view.peek()!.zoom);
        const grip = gripAt(own, from, reach);
        stage.selectedBox.value = grip?.index ?? null;
        return { kind: "box", key: shownKey(stage), from, grip, before: own };
      }
    }
  }

  function follow(current: Drag, at: Point, last: Point): void {
    switch (current.kind) {
      case "pan":
        return panBy(pane, (at.x - last.x) * ratio(), (at.y - last.y) * ratio());
      case "window": {
        const frame = stage.frame.peek();
        if (!frame || isColour(frame.format)) return;
        return setWindow(pane, draggedWindow(current.start, frame, at.x - start.x, at.y - start.y));
      }
      case "box": {
        const [frame, to] = [stage.frame.peek(), onImage(at)];
        if (!frame || !to || current.key !== shownKey(stage)) return void (draft.value = null);
        const { grip, from, before } = current;
        draft.value = grip
          ? { index: grip.index, box: grippedBox(before[grip.index]!, grip, to.x - from.x, to.y - from.y, frame) }
          : { index: null, box: boxBetween(from, to, frame) };
      }
    }
  }

  function finishBox({ key, grip, before }: Extract<Drag, { kind: "box" }>): void {
    const [frame, made] = [stage.frame.peek(), draft.peek()];
    draft.value = null;
    // The frame that was drawn on must still be the pane's.
    if (!frame || !made || key !== `${pane.series.peek()}/${pane.frame.peek()}`) return;
    if (!grip && (made.box.width < 1 || made.box.height < 1)) return;
    const box = wholeBox(made.box, frame);
    const boxes = grip ? before.map((old, index) => (index === grip.index ? box : old)) : [...before, box];
    batch(() => {
      onBoxes(pane, boxes);
      stage.selectedBox.value = grip?.index ?? boxes.length - 1;
    });
  }

  /** Distance and middle of two fingers. */
  function span(): { distance: number; middle: Point } {
    const [one, other] = [...down.values()] as [Point, Point];
    return {
      distance: Math.max(Math.hypot(one.x - other.x, one.y - other.y), 1),
      middle: { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 },
    };
  }

  function pointerDown(event: PointerEvent): void {
    if (event.target instanceof Element && event.target.closest("button, [data-control]")) return;
    activePane.value = pane;
    if (down.size >= 2) return;
    const at = local(event);
    // Middle clicks would start the browser's own scrolling.
    if (event.button === 1) event.preventDefault();
    element.setPointerCapture(event.pointerId);
    down.set(event.pointerId, at);
    if (down.size === 2) {
      drag = null;
      draft.value = null;
      return;
    }
    [start, moved] = [at, false];
    drag = begin(event, at);
    element.toggleAttribute("data-panning", drag?.kind === "pan");
  }

  function pointerMove(event: PointerEvent): void {
    const at = local(event);
    const last = down.get(event.pointerId);
    if (event.pointerType !== "touch" || last) hover(at);
    if (!last) return;
    if (down.size === 2) {
      const before = span();
      down.set(event.pointerId, at);
      const after = span();
      batch(() => {
        panBy(pane, (after.middle.x - before.middle.x) * ratio(), (after.middle.y - before.middle.y) * ratio());
        zoomBy(pane, after.distance / before.distance, onSurface(after.middle));
      });
      return;
    }
    if (!moved && Math.hypot(at.x - start.x, at.y - start.y) < DRAG_FROM) return;
    moved = true;
    down.set(event.pointerId, at);
    if (drag) follow(drag, at, last);
  }

  function pointerUp(event: PointerEvent): void {
    if (!down.delete(event.pointerId)) return;
    if (drag?.kind === "box" && event.type === "pointerup") finishBox(drag);
    draft.value = null;
    // The finger that stays of two begins nothing.
    drag = null;
    element.removeAttribute("data-panning");
    if (event.pointerType === "touch" && down.size === 0) hover(null);
  }

  function turned(event: WheelEvent): void {
    event.preventDefault();
    const distance = event.deltaY * (event.deltaMode === 1 ? 20 : event.deltaMode === 2 ? 400 : 1);
    // A pinch on a touchpad comes as a wheel with Ctrl, in small distances.
    const speed = event.ctrlKey ? 0.01 : 0.0018;
    if (!event.altKey) return zoomBy(pane, Math.exp(-distance * speed), onSurface(local(event)));
    if (wheel * distance < 0) wheel = 0;
    wheel += distance;
    const steps = Math.trunc(wheel / WHEEL_OF_A_FRAME);
    if (steps === 0) return;
    wheel -= steps * WHEEL_OF_A_FRAME;
    step(pane, steps);
    hover(local(event));
  }

  function entered(event: PointerEvent): void {
    hovering = event.pointerType !== "touch";
  }

  function left(): void {
    hovering = false;
    if (down.size === 0) pane.pointer.value = null;
  }

  function twice(event: MouseEvent): void {
    if (tool.peek() !== "box" && !(event.target instanceof Element && event.target.closest("button, [data-control]"))) fit(pane);
  }

  function deleteKey(event: KeyboardEvent): void {
    if ((event.key !== "Delete" && event.key !== "Backspace") || !deleteSelectedBox(handled)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Space held over the picture moves it; let go without having moved it, it plays. */
  function spaceDown(event: KeyboardEvent): void {
    if (event.key !== " " || event.ctrlKey || event.altKey || event.metaKey) return;
    const focused = document.activeElement;
    const free = focused === null || focused === document.body || focused === element;
    if (!free || !(hovering || focused === element)) return;
    event.preventDefault();
    event.stopPropagation();
    space ??= { used: false };
    element.setAttribute("data-panning", "");
  }

  function spaceUp(event: KeyboardEvent): void {
    if (event.key !== " " || !space) return;
    event.stopPropagation();
    if (!space.used) toggle();
    releaseSpace();
  }

  function releaseSpace(): void {
    space = null;
    if (drag?.kind !== "pan") element.removeAttribute("data-panning");
  }

  const ending = new AbortController();
  const options = { signal: ending.signal };
  element.addEventListener("pointerdown", pointerDown, options);
  element.addEventListener("pointermove", pointerMove, options);
  element.addEventListener("pointerup", pointerUp, options);
  element.addEventListener("pointercancel", pointerUp, options);
  element.addEventListener("lostpointercapture", pointerUp, options);
  element.addEventListener("pointerenter", entered, options);
  element.addEventListener("pointerleave", left, options);
  element.addEventListener("wheel", turned, { ...options, passive: false });
  element.addEventListener("dblclick", twice, options);
  element.addEventListener("keydown", deleteKey, options);
  window.addEventListener("keydown", spaceDown, { ...options, capture: true });
  window.addEventListener("keyup", spaceUp, { ...options, capture: true });
  window.addEventListener("blur", releaseSpace, options);
  return () => ending.abort();
}
