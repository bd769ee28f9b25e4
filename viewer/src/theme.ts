// Dark, light, or as the system has it; dark where nothing was chosen, as in reading rooms.

import { effect, signal } from "@preact/signals";

export type Theme = "dark" | "light" | "system";
const THEMES: readonly Theme[] = ["dark", "light", "system"];
const KEY = "lesionlens-theme";

function stored(): Theme {
  try {
    return THEMES.find((theme) => theme === localStorage.getItem(KEY)) ?? "dark";
  } catch {
    return "dark"; // Storage may be forbidden.
  }
}

export const theme = signal<Theme>(stored());

export function nextTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? "dark";
  try {
    localStorage.setItem(KEY, theme.value);
  } catch {
    // It then lasts as long as the page.
  }
}

/** Canvases, which have no style sheet, draw anew when this changes. */
export const lightNow = signal(false);

export function followTheme(): void {
  const light = matchMedia("(prefers-color-scheme: light)");
  const system = signal(light.matches);
  light.addEventListener("change", () => (system.value = light.matches));
  effect(() => {
    lightNow.value = theme.value === "light" || (theme.value === "system" && system.value);
    document.documentElement.dataset.theme = lightNow.value ? "light" : "dark";
  });
}
