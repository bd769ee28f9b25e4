// All keys, from the table that they are read from.

import { signal } from "@preact/signals";
import { GROUPS, keyName } from "../keys";
import { Dialog } from "./Dialog";
import { Button } from "./ui";

export const helpOpen = signal(false);

export function HelpDialog() {
  return (
    <Dialog open={helpOpen} title="help-title" closesBeside testid="help">
      <header class="dialog-head">
        <h2 id="help-title">Keys</h2>
        <Button icon="close" label="Close" onClick={() => (helpOpen.value = false)} />
      </header>
      <div class="keys">
        {GROUPS.map(({ name, keys }) => (
          <section key={name}>
            <h3>{name}</h3>
            <dl>
              {keys.map((key) => (
                <div key={key.action}>
                  <dt>
                    <kbd>{keyName(key)}</kbd>
                  </dt>
                  <dd>{key.does}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
        <section>
          <h3>Mouse and touch</h3>
          <dl class="plain">
            <div>
              <dt>Drag</dt>
              <dd>Window, move or box, as chosen above the image</dd>
            </div>
            <div>
              <dt>Wheel, pinch</dt>
              <dd>Zoom</dd>
            </div>
            <div>
              <dt>Alt, wheel</dt>
              <dd>Frames</dd>
            </div>
            <div>
              <dt>Rest</dt>
              <dd>Value under the pointer, and its tile</dd>
            </div>
            <div>
              <dt>Drop</dt>
              <dd>Images, directories, a model file</dd>
            </div>
          </dl>
        </section>
      </div>
      <p class="hint">
        Linked images keep zoom, frame and window together. A click in the list opens an image in the one that is
        active; ↑ and ↓ change both where they show the same.
      </p>
    </Dialog>
  );
}
