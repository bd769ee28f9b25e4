// Numbers as the page writes them.

export const probability = (value: number | null | undefined) => (value == null ? "–" : value.toFixed(3));
export const percent = (share: number) => `${(share * 100).toFixed(share > 0 && share < 0.0995 ? 1 : 0)} %`;

export function duration(seconds: number): string {
  if (seconds < 0.0995) return `${Math.max(1, Math.round(seconds * 1000))} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** A name without its directories, and these. */
export function splitName(name: string): { base: string; directory: string } {
  const slash = name.lastIndexOf("/");
  return { base: name.slice(slash + 1) || name, directory: slash > 0 ? name.slice(0, slash) : "" };
}

/** A message about a file whose name stands beside it, without the path before it. */
export function withoutPath(message: string, name: string): string {
  const path = `${splitName(name).base}: `;
  const at = message.indexOf(path);
  return at < 0 ? message : message.slice(at + path.length);
}

/** At most six digits, without zeros at the end. */
export const compact = (value: number) => String(Number(value.toPrecision(6)));
export const count = (number: number, one: string, more = `${one}s`) => `${number} ${number === 1 ? one : more}`;
