// Small parts that panels are made of.

import type { ComponentChildren, JSX } from "preact";
import { signal } from "@preact/signals";

const PATHS = {
  open: "M2 4h4l1.5 2H14v7H2z",
  folder: "M2 4h4l1.5 2H14v7H2z",
  export: "M8 2v8M5 7l3 3 3-3M3 13h10",
  help: "M6 6.2a2 2 0 1 1 2.7 1.9c-.5.2-.7.5-.7 1V9.7M8 12v.6",
  theme: "M8 2.5a5.5 5.5 0 1 0 0 11zM8 2.5a5.5 5.5 0 0 1 0 11",
  quit: "M8 2v6M4.5 4.2a5 5 0 1 0 7 0",
  play: "M5 3l8 5-8 5z",
  pause: "M5 3v10M11 3v10",
  previous: "M10 3L5 8l5 5",
  next: "M6 3l5 5-5 5",
  window: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM8 2.5v11M8 5h4.6M8 8h5.5M8 11h4.6",
  pan: "M8 2v12M2 8h12M8 2L6.5 3.5M8 2l1.5 1.5M8 14l-1.5-1.5M8 14l1.5-1.5M2 8l1.5-1.5M2 8l1.5 1.5M14 8l-1.5-1.5M14 8l-1.5 1.5",
  box: "M3 4h10v8H3z",
  fit: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  compare: "M2 3h5v10H2zM9 3h5v10H9z",
  link: "M7 9.5a2.5 2.5 0 0 0 3.5 0l2-2A2.5 2.5 0 0 0 9 4l-.6.6M9 6.5a2.5 2.5 0 0 0-3.5 0l-2 2A2.5 2.5 0 0 0 7 12l.6-.6",
  layers: "M8 2.5l6 3-6 3-6-3zM2.5 8.5L8 11.2l5.5-2.7M2.5 11L8 13.7l5.5-2.7",
  invert: "M2.5 2.5h11v11h-11zM2.5 13.5l11-11v11z",
  close: "M4 4l8 8M12 4l-8 8",
  chevron: "M4.5 6L8 9.5 11.5 6",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
} as const;
export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

type ButtonProps = Omit<JSX.HTMLAttributes<HTMLButtonElement>, "icon" | "disabled"> & {
  icon?: IconName;
  /** What it does; begins with the text, where there is one. */
  label?: string;
  /** Its key, for the tooltip. */
  shortcut?: string;
  pressed?: boolean;
  disabled?: boolean;
  testid?: string;
  children?: ComponentChildren;
};

export function Button({ icon, label, shortcut, pressed, testid, children, class: name, ...others }: ButtonProps) {
  const hint = [label, shortcut && `(${shortcut})`].filter(Boolean).join(" ");
  return (
    <button
      type="button"
      class={`button ${children === undefined ? "button-icon" : ""} ${String(name ?? "")}`}
      aria-label={label}
      aria-pressed={pressed}
      title={hint || undefined}
      data-testid={testid}
      {...others}
    >
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

interface SegmentedProps<T extends string> {
  label: string;
  value: T;
  choices: readonly { value: T; name: ComponentChildren; title?: string }[];
  choose(value: T): void;
  testid?: string;
}

/** A few choices side by side, of which one is on. */
export function Segmented<T extends string>({ label, value, choices, choose, testid }: SegmentedProps<T>) {
  return (
    <div class="segmented" role="group" aria-label={label} data-testid={testid} data-value={value}>
      {choices.map((choice) => (
        <button
          type="button"
          key={choice.value}
          class="segment"
          aria-pressed={choice.value === value}
          title={choice.title}
          data-value={choice.value}
          onClick={() => choose(choice.value)}
        >
          {choice.name}
        </button>
      ))}
    </div>
  );
}

/** A line filled up to a share, with a mark at another. */
export function Bar({ share, mark, tone }: { share: number; mark?: number | null; tone?: string }) {
  return (
    <span class={`bar ${tone ?? ""}`} aria-hidden="true">
      <span class="bar-fill" style={{ "--share": String(share) }} />
      {mark != null && <span class="bar-mark" style={{ "--share": String(mark) }} />}
    </span>
  );
}

/** Facts under a title. */
export function Facts({ title, children, testid }: { title?: string; children: ComponentChildren; testid?: string }) {
  return (
    <div class="facts" data-testid={testid}>
      {title !== undefined && <h3 class="facts-title">{title}</h3>}
      <dl>{children}</dl>
    </div>
  );
}

/** A number's name and the number. */
export function Fact({ name, children, title }: { name: string; children: ComponentChildren; title?: string }) {
  return (
    <div class="fact" title={title}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

const closed = signal<ReadonlySet<string>>(new Set(["truth", "model", "engine"]));

interface SectionProps {
  /** Also what it is called in tests. */
  name: string;
  title: string;
  /** Beside the title, also while it is closed. */
  note?: ComponentChildren;
  children: ComponentChildren;
}

/** A part of the side panel that opens and closes. */
export function Section({ name, title, note, children }: SectionProps) {
  const open = !closed.value.has(name);
  const toggle = () => {
    const next = new Set(closed.value);
    if (open) next.add(name);
    else next.delete(name);
    closed.value = next;
  };
  return (
    <section class={`section section-${name}`} data-testid={`section-${name}`} aria-labelledby={`section-${name}`}>
      <h2 class="section-head">
        <button type="button" aria-expanded={open} aria-controls={`body-${name}`} onClick={toggle}>
          <Icon name="chevron" />
          <span id={`section-${name}`}>{title}</span>
          {note !== undefined && <span class="section-note">{note}</span>}
        </button>
      </h2>
      <div class="section-body" id={`body-${name}`} hidden={!open}>
        {open && children}
      </div>
    </section>
  );
}

interface RangeProps {
  label: string;
  value: number;
  minimum?: number;
  maximum?: number;
  step?: number;
  text: string;
  set(value: number): void;
  testid?: string;
  disabled?: boolean;
}

export function Range({
  label,
  value,
  minimum = 0,
  maximum = 1,
  step = 0.01,
  text,
  set,
  testid,
  disabled,
}: RangeProps) {
  return (
    <label class="row">
      <span class="row-name">{label}</span>
      <input
        type="range"
        min={minimum}
        max={maximum}
        step={step}
        value={value}
        style={{ "--share": String((value - minimum) / (maximum - minimum)) }}
        disabled={disabled}
        aria-valuetext={text}
        data-testid={testid}
        onInput={(event) => set(event.currentTarget.valueAsNumber)}
      />
      <output class="row-value">{text}</output>
    </label>
  );
}

interface SelectProps {
  label: string;
  value: string;
  choices: readonly { value: string; name: string; title?: string }[];
  set(value: string): void;
  testid?: string;
  disabled?: boolean;
  /** The name is for screen readers only. */
  bare?: boolean;
}

export function Select({ label, value, choices, set, testid, disabled, bare }: SelectProps) {
  const select = (
    <select
      value={value}
      disabled={disabled}
      data-testid={testid}
      aria-label={bare ? label : undefined}
      onChange={(event) => set(event.currentTarget.value)}
    >
      {choices.map((choice) => (
        <option key={choice.value} value={choice.value} title={choice.title} selected={choice.value === value}>
          {choice.name}
        </option>
      ))}
    </select>
  );
  if (bare) return select;
  return (
    <label class="row">
      <span class="row-name">{label}</span>
      {select}
    </label>
  );
}
