// The line on top: what this is, that it is for research, and what concerns the whole page.

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { mapFileAddress, resultsAddress } from "../api/client";
import { announcement, report } from "../messages";
import { exportPicture } from "../picture";
import { quit } from "../session";
import { activePane, marksSaved, server, type Pane } from "../state";
import { nextTheme, theme } from "../theme";
import { Dialog } from "./Dialog";
import { helpOpen } from "./HelpDialog";
import { chooseFiles } from "./Opening";
import { Button } from "./ui";

const menuOpen = signal(false);
const quitOpen = signal(false);

/** The name of a file about what the pane shows. */
function fileName(pane: Pane, what: string, extension: string): string {
  const series = pane.shownSeries.value;
  const name = (series?.name ?? "image").replace(/\.[^./]*$/, "").replace(/[^\w.-]+/g, "_");
  const frame = series && series.frames > 1 ? `-frame${pane.frame.value}` : "";
  return `${name}${frame}-${what}.${extension}`;
}

function download(address: string, name: string): void {
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
}

async function savePicture(pane: Pane): Promise<void> {
  const name = fileName(pane, "picture", "png");
  try {
    const address = URL.createObjectURL(await exportPicture(pane));
    download(address, name);
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
    announcement.value = `Picture saved as ${name}.`;
  } catch (reason) {
    report(reason, "The picture cannot be made");
  }
}

function ExportMenu() {
  const place = useRef<HTMLDivElement>(null);
  const open = menuOpen.value;
  const pane = activePane.value;
  const map = pane.map.value;
  const series = pane.shownSeries.value;
  useEffect(() => {
    if (!open) return;
    place.current?.querySelector<HTMLElement>("[role=menuitem]:not(:disabled)")?.focus();
    const elsewhere = (event: PointerEvent) => {
      if (!place.current?.contains(event.target as Node)) menuOpen.value = false;
    };
    addEventListener("pointerdown", elsewhere);
    return () => removeEventListener("pointerdown", elsewhere);
  }, [open]);
  const close = () => {
    menuOpen.value = false;
    place.current?.querySelector<HTMLElement>("button")?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (!open) return;
    const items = [...(place.current?.querySelectorAll<HTMLElement>("[role=menuitem]:not(:disabled)") ?? [])];
    const at = items.indexOf(document.activeElement as HTMLElement);
    if (event.key === "Escape") close();
    else if (event.key === "ArrowDown") items[(at + 1) % items.length]?.focus();
    else if (event.key === "ArrowUp") items[(at - 1 + items.length) % items.length]?.focus();
    else if (event.key === "Tab") return void (menuOpen.value = false);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const item = (name: string, hint: string, disabled: boolean, act: () => void, testid: string) => (
    <button
      type="button"
      role="menuitem"
      disabled={disabled}
      data-testid={testid}
      onClick={() => {
        close();
        act();
      }}
    >
      <span>{name}</span>
      <span class="muted">{hint}</span>
    </button>
  );
  return (
    <div class="menu" ref={place} onKeyDown={onKeyDown}>
      <Button
        icon="export"
        label="Export"
        aria-haspopup="menu"
        aria-expanded={open}
        disabled={!server.value?.series.length}
        onClick={() => (menuOpen.value = !open)}
        testid="export"
      >
        <span class="wide-only">Export</span>
      </Button>
      {open && (
        <div class="menu-list" role="menu" aria-label="Export">
          {item(
            "Picture as shown",
            "PNG",
            !series || series.frames === 0,
            () => void savePicture(pane),
            "export-picture",
          )}
          {item(
            "Heatmap values",
            ".npy, 32-bit floats",
            !map,
            () => map && download(mapFileAddress(map.map, "npy"), fileName(pane, "heatmap", "npy")),
            "export-npy",
          )}
          {item(
            "Heatmap picture",
            "PNG, 16 bits",
            !map,
            () => map && download(mapFileAddress(map.map, "png"), fileName(pane, "heatmap", "png")),
            "export-png",
          )}
          {item("All results", "CSV", false, () => download(resultsAddress, "results.csv"), "export-csv")}
        </div>
      )}
    </div>
  );
}

function QuitDialog() {
  return (
    <Dialog open={quitOpen} title="quit-title" class="dialog-small">
      <h2 id="quit-title">End the program?</h2>
      <p>
        {marksSaved.value
          ? "Results that were not exported are computed again next time."
          : "Your marks are not saved. They are lost when the program ends."}
      </p>
      <div class="dialog-buttons">
        <Button onClick={() => (quitOpen.value = false)}>Go on</Button>
        <Button
          class="primary"
          testid="quit-confirm"
          onClick={() => {
            quitOpen.value = false;
            void quit();
          }}
        >
          End
        </Button>
      </div>
    </Dialog>
  );
}

export function TopBar() {
  const next = { dark: "Dark", light: "Light", system: "As the system" }[theme.value];
  return (
    <header class="top">
      <h1 class="brand">lesionlens</h1>
      <p class="research" role="note" data-testid="research">
        Research use only. Not a medical device.
      </p>
      <span class="spacer" />
      <div class="top-buttons">
        <Button
          icon="open"
          label="Open files; or drop them anywhere on the page"
          shortcut="Ctrl O"
          onClick={chooseFiles}
          testid="open"
        >
          <span class="wide-only">Open</span>
        </Button>
        <ExportMenu />
        <Button icon="theme" label={`Theme: ${next}`} shortcut="T" onClick={nextTheme} testid="theme" />
        <Button icon="help" label="Keys" shortcut="?" onClick={() => (helpOpen.value = true)} testid="help-button" />
        <Button icon="quit" label="End the program" onClick={() => (quitOpen.value = true)} testid="quit" />
      </div>
      <QuitDialog />
    </header>
  );
}
