// What went wrong or was done, until it is dismissed; and, apart from it, that the program is gone.

import { dismiss, ended, gone } from "../messages";
import { begin } from "../session";
import { messages } from "../state";
import { Button } from "./ui";

export function Messages() {
  return (
    <div class="messages" data-testid="messages">
      {messages.value.map(({ id, kind, text }) => (
        <div
          key={id}
          class={`message message-${kind}`}
          role={kind === "error" ? "alert" : "status"}
          data-testid={`message-${kind}`}
        >
          <p>{text}</p>
          <Button icon="close" label="Dismiss" onClick={() => dismiss(id)} />
        </div>
      ))}
    </div>
  );
}

export function Gone() {
  if (ended.value) {
    return (
      <div class="gone ended" role="status" data-testid="ended">
        The program has ended. This page can be closed.
      </div>
    );
  }
  if (!gone.value) return null;
  return (
    <div class="gone" role="alert" data-testid="gone">
      <span>
        The program that serves this page does not answer; it may have ended. Nothing new can be computed or saved.
      </span>
      <Button onClick={() => void begin()}>Try again</Button>
    </div>
  );
}
