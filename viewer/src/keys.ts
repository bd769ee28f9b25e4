// Which key does what. The help dialog is made from the same table.

export type Action =
  | "help"
  | "previousSeries"
  | "nextSeries"
  | "previousFrame"
  | "nextFrame"
  | "firstFrame"
  | "lastFrame"
  | "bestFrame"
  | "play"
  | "overlay"
  | "method"
  | "opacityDown"
  | "opacityUp"
  | "previousTile"
  | "nextTile"
  | "invert"
  | "resetWindow"
  | "preset"
  | "fit"
  | "oneToOne"
  | "zoomIn"
  | "zoomOut"
  | "toolWindow"
  | "toolPan"
  | "toolBox"
  | "confirm"
  | "correct"
  | "unmark"
  | "save"
  | "classifyAll"
  | "allFrames"
  | "compare"
  | "link"
  | "otherPane"
  | "filter"
  | "open"
  | "theme"
  | "cancel";

interface Key {
  action: Action;
  /** `KeyboardEvent.key`, in lower case where it is a letter. */
  keys: readonly string[];
  /** With Ctrl, or Command. */
  control?: boolean;
  does: string;
}

export const GROUPS: readonly { name: string; keys: readonly Key[] }[] = [
  {
    name: "Images",
    keys: [
      { action: "previousSeries", keys: ["ArrowUp"], does: "Image before, in the list's order" },
      { action: "nextSeries", keys: ["ArrowDown"], does: "Next image" },
      { action: "previousFrame", keys: ["ArrowLeft"], does: "Frame before" },
      { action: "nextFrame", keys: ["ArrowRight"], does: "Next frame" },
      { action: "firstFrame", keys: ["Home"], does: "First frame" },
      { action: "lastFrame", keys: ["End"], does: "Last frame" },
      { action: "bestFrame", keys: ["g"], does: "Frame with the highest probability" },
      { action: "play", keys: [" "], does: "Play, pause" },
      { action: "filter", keys: ["/"], does: "Search the list" },
      { action: "open", keys: ["o"], control: true, does: "Open files" },
    ],
  },
  {
    name: "View",
    keys: [
      { action: "fit", keys: ["f"], does: "Fit" },
      { action: "oneToOne", keys: ["z"], does: "One image pixel to one of the screen" },
      { action: "zoomIn", keys: ["+", "="], does: "Zoom in" },
      { action: "zoomOut", keys: ["-"], does: "Zoom out" },
      { action: "invert", keys: ["i"], does: "Invert" },
      { action: "resetWindow", keys: ["r"], does: "Window as the file opens" },
      { action: "preset", keys: ["1", "2", "3", "4", "5", "6", "7", "8", "9"], does: "Window preset" },
      { action: "toolWindow", keys: ["w"], does: "Dragging changes the window" },
      { action: "toolPan", keys: ["h"], does: "Dragging moves the image" },
      { action: "toolBox", keys: ["b"], does: "Dragging draws a box" },
    ],
  },
  {
    name: "Heatmap",
    keys: [
      { action: "overlay", keys: ["o"], does: "Overlay on, off" },
      { action: "opacityDown", keys: ["["], does: "Less opaque" },
      { action: "opacityUp", keys: ["]"], does: "More opaque" },
      { action: "method", keys: ["m"], does: "Next method" },
      { action: "nextTile", keys: ["n"], does: "Next tile that stands out" },
      { action: "previousTile", keys: ["p"], does: "Tile before" },
    ],
  },
  {
    name: "Calls",
    keys: [
      { action: "confirm", keys: ["y"], does: "Confirm the call" },
      { action: "correct", keys: ["x"], does: "Correct the call" },
      { action: "unmark", keys: ["Delete", "Backspace"], does: "Take the label away" },
      { action: "save", keys: ["s"], control: true, does: "Save all marks" },
      { action: "allFrames", keys: ["a"], does: "Compute all frames" },
      { action: "classifyAll", keys: ["A"], does: "Classify everything in the list" },
      { action: "cancel", keys: ["Escape"], does: "Cancel what is being computed" },
    ],
  },
  {
    name: "Page",
    keys: [
      { action: "compare", keys: ["c"], does: "Second image beside the first" },
      { action: "link", keys: ["l"], does: "Link zoom, frame and window of both" },
      { action: "otherPane", keys: ["s"], does: "Switch to the other image" },
      { action: "theme", keys: ["t"], does: "Dark, light, as the system" },
      { action: "help", keys: ["?"], does: "This help" },
    ],
  },
];

const spelled: Record<string, string> = {
  ArrowUp: "↑",
  ArrowDown: "↓",
  ArrowLeft: "←",
  ArrowRight: "→",
  " ": "Space",
  Escape: "Esc",
  A: "Shift A",
  Delete: "Del",
  Home: "Home",
  End: "End",
};

/** A key as people know it. */
export function keyName({ keys, control }: Pick<Key, "keys" | "control">): string {
  const [first, last] = [keys[0] ?? "", keys[keys.length - 1] ?? ""];
  const name = keys.length > 2 ? `${first} – ${last}` : (spelled[first] ?? first.toUpperCase());
  return control ? `Ctrl ${name}` : name;
}

export interface Pressed {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
}

/** What has the focus, as far as it takes keys itself. */
export type Holder = "text" | "select" | "range" | "button" | "none";

/** Keys that the one with the focus takes itself. */
function taken(holder: Holder, key: string): boolean {
  switch (holder) {
    case "text":
      return key !== "Escape";
    case "select":
      return key !== "Escape";
    case "range":
      return key.startsWith("Arrow") || ["Home", "End", "PageUp", "PageDown"].includes(key);
    case "button":
      return key === " " || key === "Enter";
    case "none":
      return false;
  }
}

/** What a pressed key means, and which of several keys it was; null: nothing here. */
export function meaning(pressed: Pressed, holder: Holder): { action: Action; index: number } | null {
  const control = pressed.ctrlKey || pressed.metaKey;
  if (pressed.altKey || (!control && taken(holder, pressed.key))) return null;
  const letter = pressed.key.length === 1 && /[a-z]/i.test(pressed.key);
  // Caps lock makes no other key: Shift does.
  const key = letter ? (pressed.shiftKey ? pressed.key.toUpperCase() : pressed.key.toLowerCase()) : pressed.key;
  for (const { keys } of GROUPS) {
    for (const one of keys) {
      const index = one.keys.indexOf(key);
      if (index >= 0 && (one.control ?? false) === control) return { action: one.action, index };
    }
  }
  return null;
}

export function holderOf(target: EventTarget | null): Holder {
  if (target instanceof HTMLInputElement) {
    if (target.type === "range" || target.type === "radio") return "range";
    return ["checkbox", "button", "file"].includes(target.type) ? "button" : "text";
  }
  if (target instanceof HTMLTextAreaElement) return "text";
  if (target instanceof HTMLSelectElement) return "select";
  if (target instanceof HTMLElement && target.closest("button, summary, a[href], [role=menuitem], [role=tab]")) {
    return "button";
  }
  return "none";
}
