// The ways in: drops anywhere on the page, and files and directories that are chosen.

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { filesOf, filesOfInput, send, sending } from "../dropping";
import { report } from "../messages";
import { server } from "../state";
import { Bar, Button } from "./ui";

/** Files are held over the page. */
const over = signal(false);

const click = (id: string) => document.getElementById(id)?.click();
export const chooseFiles = () => click("open-files");
export const chooseDirectory = () => click("open-directory");

const holdsFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;

export function Opening() {
  useEffect(() => {
    // Entering a child leaves its parent: what counts is how deep the pointer is.
    let depth = 0;
    const enter = (event: DragEvent) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      depth += 1;
      over.value = true;
    };
    const leave = (event: DragEvent) => {
      if (!holdsFiles(event)) return;
      depth = Math.max(0, depth - 1);
      over.value = depth > 0;
    };
    const move = (event: DragEvent) => {
      if (holdsFiles(event)) event.preventDefault();
    };
    const drop = (event: DragEvent) => {
      if (!event.dataTransfer || !holdsFiles(event)) return;
      event.preventDefault();
      depth = 0;
      over.value = false;
      filesOf(event.dataTransfer)
        .then(send)
        .catch((reason: unknown) => report(reason, "The drop cannot be read"));
    };
    addEventListener("dragenter", enter);
    addEventListener("dragleave", leave);
    addEventListener("dragover", move);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("dragenter", enter);
      removeEventListener("dragleave", leave);
      removeEventListener("dragover", move);
      removeEventListener("drop", drop);
    };
  }, []);
  const chosen = (event: Event) => {
    const input = event.currentTarget as HTMLInputElement;
    void send(filesOfInput(input.files));
    // The same files can be chosen again.
    input.value = "";
  };
  return (
    <>
      <input
        id="open-files"
        type="file"
        multiple
        hidden
        aria-hidden="true"
        tabIndex={-1}
        onChange={chosen}
        data-testid="open-files"
      />
      <input
        id="open-directory"
        type="file"
        multiple
        hidden
        aria-hidden="true"
        tabIndex={-1}
        onChange={chosen}
        {...{ webkitdirectory: true }}
      />
      {over.value && (
        <div class="veil" aria-hidden="true">
          <div class="veil-box">
            <strong>Drop to open</strong>
            <span>Images, directories, or a model file</span>
          </div>
        </div>
      )}
    </>
  );
}

/** Files that the program reads, or that are on their way. */
export function SendingBar() {
  const now = sending.value;
  const reading = server.value?.reading ?? null;
  if (reading) {
    return (
      <div class="task" data-testid="reading">
        <span class="task-title">
          Reading {reading.done} of {reading.total} files
        </span>
        <Bar share={reading.total > 0 ? reading.done / reading.total : 0} />
      </div>
    );
  }
  if (!now) return null;
  return (
    <div class="task" data-testid="sending">
      <span class="task-title">
        Receiving {now.done + 1} of {now.total}
      </span>
      <span class="task-name">{now.name}</span>
      <Bar share={now.done / now.total} />
      <Button onClick={now.cancel}>Cancel</Button>
    </div>
  );
}
