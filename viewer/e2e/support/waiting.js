// Waiting for conditions; how long a machine takes is no part of what is tested.

/** The longest that anything takes on a slow machine that does something else besides, in milliseconds. */
export const PATIENCE = 120_000;

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Tries until `attempt` does not throw, and returns what it returned; fails with what it threw last. */
export async function eventually(what, attempt, patience = PATIENCE) {
  const end = performance.now() + patience;
  for (;;) {
    try {
      return await attempt();
    } catch (reason) {
      if (performance.now() > end) throw new Error(`${what}: not within ${patience / 1000} s. ${reason.message}`, { cause: reason });
    }
    await pause(60);
  }
}

const endings = new WeakMap();

/** Ends something when a test has ended, the latest first. `test` is a test's context or `{ after }` of a suite. */
export function atEnd(test, end) {
  if (!endings.has(test)) {
    const list = [];
    endings.set(test, list);
    test.after(async () => {
      for (const one of list.reverse()) await one();
    });
  }
  endings.get(test).push(end);
}

/** What a suite has, for `atEnd`; `after` is the suite's own. */
export function suite(after) {
  const whole = { after };
  atEnd(whole, () => undefined);
  return whole;
}
