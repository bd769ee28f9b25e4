// A dialog over the page, open while its signal says so; what is in it exists only then.

import type { Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

interface DialogProps {
  open: Signal<boolean>;
  /** The identifier of its heading. */
  title: string;
  /** Whether a click beside it closes it. */
  closesBeside?: boolean;
  class?: string;
  testid?: string;
  children: ComponentChildren;
}

export function Dialog({ open, title, closesBeside, class: name = "", testid, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const isOpen = open.value;
  // Before anything else happens: a key that follows at once is the dialog's.
  useLayoutEffect(() => {
    if (isOpen && !dialog.current?.open) dialog.current?.showModal?.();
    if (!isOpen && dialog.current?.open) dialog.current.close();
  }, [isOpen]);
  return (
    <dialog
      ref={dialog}
      class={`dialog ${name}`}
      aria-labelledby={title}
      data-testid={testid}
      onClose={() => (open.value = false)}
      onClick={(event) => closesBeside && event.target === dialog.current && dialog.current?.close()}
    >
      {isOpen && <div class="dialog-body">{children}</div>}
    </dialog>
  );
}
