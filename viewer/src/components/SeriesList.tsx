// All series, with a thumbnail, the highest probability of the active pane's model, and what is known of their truth.

import { useComputed } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { thumbnailAddress } from "../api/client";
import type { Series } from "../api/types";
import { count, probability, splitName, withoutPath } from "../format";
import { verdictOf } from "../truth";
import { calls, filter, listing, order, type Order } from "../listing";
import { move, open } from "../session";
import { activePane, comparing, frameKey, marks, panes, server } from "../state";
import { asked, classifyAll } from "../work";
import { Bar, Button, Segmented } from "./ui";

/** Thumbnails are twice as large as shown, for dense screens. */
const THUMBNAIL = 96;

function Thumbnail({ series }: { series: Series }) {
  const place = useRef<HTMLSpanElement>(null);
  const [seen, setSeen] = useState(false);
  const [broken, setBroken] = useState(false);
  useEffect(() => {
    if (!place.current || typeof IntersectionObserver === "undefined") return setSeen(true);
    const observer = new IntersectionObserver(
      (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        setSeen(true);
        observer.disconnect();
      },
      { rootMargin: "200px" },
    );
    observer.observe(place.current);
    return () => observer.disconnect();
  }, []);
  const frame = Math.floor(series.frames / 2);
  return (
    <span class="thumbnail" ref={place}>
      {seen && series.frames > 0 && !broken && (
        <img
          src={thumbnailAddress(series.id, frame, THUMBNAIL)}
          alt=""
          decoding="async"
          onError={() => setBroken(true)}
        />
      )}
    </span>
  );
}

/** What a reader said of the frames of a series, in words; null where nothing was said. */
function saidOf(series: Series): string | null {
  let [labelled, boxed] = [null as 0 | 1 | null, 0];
  for (let frame = 0; frame < series.frames; frame++) {
    const mark = marks.value.get(frameKey(series.id, frame));
    if (!mark) continue;
    if (mark.label !== null) labelled = labelled === 1 ? 1 : mark.label;
    boxed += mark.boxes.length;
  }
  const words = [
    labelled === null ? "" : labelled === 1 ? "positive" : "negative",
    boxed > 0 ? count(boxed, "box", "boxes") : "",
  ];
  return words.some(Boolean) ? words.filter(Boolean).join(", ") : null;
}

function Item({ series }: { series: Series }) {
  // Of thousands of rows only those are drawn anew for which one of these changes.
  const selected = useComputed(() => activePane.value.series.value === series.id).value;
  const other = useComputed(
    () => comparing.value && panes.some((pane) => pane !== activePane.value && pane.series.value === series.id),
  ).value;
  const call = useComputed(() => calls.value.get(series.id)).value;
  const verdict = useComputed(() => verdictOf(series.id)).value;
  const said = saidOf(series);
  const row = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (selected) row.current?.scrollIntoView?.({ block: "nearest" });
  }, [selected]);
  const { base, directory } = splitName(series.name);
  const details = [
    series.modality,
    series.frames > 1 ? count(series.frames, "frame") : null,
    series.width > 0 ? `${series.width} × ${series.height}` : null,
    directory,
  ];
  return (
    <li
      ref={row}
      id={`series-${series.id}`}
      class={`item ${other ? "item-other" : ""} ${series.error ? "item-error" : ""}`}
      role="option"
      aria-selected={selected}
      data-testid="item"
      data-series={series.id}
      data-name={series.name}
      title={series.name}
      onClick={() => open(activePane.value, series.id, call && order.peek() === "probability" ? call.frame : 0)}
    >
      <Thumbnail series={series} />
      <span class="item-text">
        <span class="item-name">{base}</span>
        {series.error ? (
          <span class="item-detail error-text">{withoutPath(series.error, series.name)}</span>
        ) : (
          <span class="item-detail">{details.filter(Boolean).join(" · ")}</span>
        )}
        {(series.label !== null || said !== null || verdict !== null) && (
          <span class="badges">
            {series.label !== null && (
              <span class="badge" title="What labels.csv says">
                truth {series.label === 1 ? "positive" : "negative"}
              </span>
            )}
            {verdict !== null && (
              <span
                class={`badge ${verdict ? "badge-hit" : "badge-miss"}`}
                title="Whether the hottest point lies at a box of boxes.csv"
              >
                {verdict ? "hit" : "miss"}
              </span>
            )}
            {said !== null && (
              <span class="badge badge-mark" title="Your mark">
                yours {said}
              </span>
            )}
          </span>
        )}
      </span>
      {!series.error && (
        <span class="item-call" data-testid="item-probability">
          {call && (
            <>
              <span class={call.positive ? "positive" : "negative"}>{probability(call.probability)}</span>
              <Bar share={call.probability} tone={call.positive ? "bar-positive" : "bar-negative"} />
              {series.frames > 1 && (
                <span class="item-detail">
                  {call.classified < series.frames
                    ? `${call.classified} of ${series.frames}`
                    : `frame ${call.frame + 1}`}
                </span>
              )}
            </>
          )}
        </span>
      )}
    </li>
  );
}

export function SeriesList() {
  const state = server.value;
  const list = listing.value;
  const selected = activePane.value.series.value;
  const model = activePane.value.model.value;
  const stop = asked.value.get("all");
  const onKeyDown = (event: KeyboardEvent) => {
    const by = { Home: -Infinity, End: Infinity, PageUp: -8, PageDown: 8 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    move(Number.isFinite(by) ? by : Math.sign(by) * list.length);
  };
  return (
    <nav class="list" aria-label="Images" data-testid="list" data-group="images">
      <div class="list-head">
        <input
          id="filter"
          class="filter"
          type="search"
          placeholder={state ? `Search ${count(state.series.length, "series", "series")}` : "Search"}
          aria-label="Search the list"
          value={filter.value}
          data-testid="filter"
          onInput={(event) => (filter.value = event.currentTarget.value)}
          onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()}
        />
        <div class="list-tools">
          <Segmented<Order>
            label="Order"
            value={order.value}
            choices={[
              { value: "name", name: "Name" },
              { value: "probability", name: "Probability" },
            ]}
            choose={(value) => (order.value = value)}
            testid="order"
          />
          {stop ? (
            <Button onClick={stop} testid="classify-all-cancel">
              Cancel
            </Button>
          ) : (
            <Button
              label="Classify all"
              shortcut="Shift A"
              disabled={!model || !state?.series.some((series) => series.frames > 0)}
              onClick={() => model && void classifyAll(model)}
              testid="classify-all"
            >
              Classify all
            </Button>
          )}
        </div>
      </div>
      <ul
        class="items"
        role="listbox"
        aria-label="Images"
        tabIndex={0}
        aria-activedescendant={selected === null ? undefined : `series-${selected}`}
        onKeyDown={onKeyDown}
      >
        {list.map((series) => (
          <Item key={series.id} series={series} />
        ))}
      </ul>
      {state && state.series.length > 0 && list.length === 0 && (
        <p class="hint list-empty">Nothing in the list has these words.</p>
      )}
    </nav>
  );
}
