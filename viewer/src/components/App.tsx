// The page: list, images and panels, side by side where there is room, behind tabs where there is not.

import { signal } from "@preact/signals";
import { announcement } from "../messages";
import { activePane, comparing, panes, server } from "../state";
import { probability } from "../format";
import { CallPanel } from "./CallPanel";
import { HeatmapPanel } from "./HeatmapPanel";
import { HelpDialog } from "./HelpDialog";
import { Gone, Messages } from "./Messages";
import { Opening } from "./Opening";
import { SeriesList } from "./SeriesList";
import { EnginePanel, MarksPanel, ModelPanel, TilesPanel, TruthPanel, WindowPanel } from "./SidePanels";
import { Stage } from "./Stage";
import { TopBar } from "./TopBar";

const TABS = [
  { name: "images", title: "Images" },
  { name: "call", title: "Call" },
  { name: "heatmap", title: "Heatmap" },
  { name: "model", title: "Model" },
] as const;
type Tab = (typeof TABS)[number]["name"];

/** What is seen where there is room for one group only. */
const tab = signal<Tab>("images");

function Tabs() {
  const onKeyDown = (event: KeyboardEvent) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const at = TABS.findIndex(({ name }) => name === tab.value);
    const next = TABS[(at + by + TABS.length) % TABS.length];
    if (!next) return;
    tab.value = next.name;
    document.getElementById(`tab-${next.name}`)?.focus();
  };
  return (
    <nav class="tabs" aria-label="Panels">
      <div class="tablist" role="tablist" aria-label="Panels" onKeyDown={onKeyDown}>
        {TABS.map(({ name, title }) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`tab-${name}`}
            aria-selected={tab.value === name}
            tabIndex={tab.value === name ? 0 : -1}
            data-testid={`tab-${name}`}
            onClick={() => (tab.value = name)}
          >
            {title}
          </button>
        ))}
      </div>
    </nav>
  );
}

/** Says calls to those who do not see them. */
function Spoken() {
  const pane = activePane.value;
  const said = pane.prediction.value;
  const call = said ? `${said.positive ? "Positive" : "Negative"}, ${probability(said.probability)}` : "";
  return (
    <div class="unseen">
      <div aria-live="polite" data-testid="announcement">
        {announcement.value}
      </div>
      <div aria-live="polite">{call}</div>
    </div>
  );
}

export function App() {
  const pane = activePane.value;
  const something = (server.value?.series.length ?? 0) > 0;
  const letter = comparing.value ? (pane === panes[0] ? "A" : "B") : null;
  return (
    <div class="app" data-tab={tab.value}>
      <TopBar />
      <Gone />
      <SeriesList />
      <Stage />
      <Tabs />
      <aside class="side" aria-label={letter ? `Image ${letter}` : "Results"} data-testid="side">
        {letter && (
          <p class="side-pane">
            Image <span class="pane-letter">{letter}</span>
          </p>
        )}
        {something && (
          <>
            <div class="group" data-group="call">
              <CallPanel pane={pane} />
            </div>
            <div class="group" data-group="heatmap">
              <HeatmapPanel pane={pane} />
              <TilesPanel pane={pane} />
              <WindowPanel pane={pane} />
            </div>
            <div class="group" data-group="call">
              <TruthPanel pane={pane} />
              <MarksPanel pane={pane} />
            </div>
          </>
        )}
        <div class="group" data-group="model">
          <ModelPanel pane={pane} />
          <EnginePanel pane={pane} />
        </div>
      </aside>
      <Messages />
      <Spoken />
      <HelpDialog />
      <Opening />
    </div>
  );
}
