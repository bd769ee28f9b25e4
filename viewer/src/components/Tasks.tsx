// Work that is under way.

import { duration } from "../format";
import { cancelAutomatic, tasks, type Task } from "../work";
import { SendingBar } from "./Opening";
import { Bar, Button } from "./ui";

const shareOf = ({ progress }: Task) => (progress && progress.total > 0 ? progress.done / progress.total : 0);

function said(task: Task): string {
  const { progress } = task;
  if (!progress) return "waiting";
  const left = progress.seconds_left;
  const frames =
    progress.frames > 1 ? `${progress.frames_done} of ${progress.frames}` : `${Math.round(shareOf(task) * 100)} %`;
  return left === null ? frames : `${frames}, ${duration(left)} left`;
}

/** Work that people asked for, with all they may want to know. */
export function Asked() {
  const shown = tasks.value.filter((task) => !task.automatic);
  return (
    <div class="tasks">
      <SendingBar />
      {shown.map((task) => (
        <div class="task" key={task.id} data-testid="task">
          <span class="task-title">{task.title}</span>
          <span class="task-name" data-testid="progress">
            {said(task)}
          </span>
          <div
            class="task-bar"
            role="progressbar"
            aria-label={task.title}
            aria-valuemin={0}
            aria-valuemax={100}
            aria-valuenow={Math.round(shareOf(task) * 100)}
            aria-valuetext={said(task)}
          >
            <Bar share={shareOf(task)} />
          </div>
          <Button testid="cancel" onClick={task.cancel}>
            Cancel
          </Button>
        </div>
      ))}
    </div>
  );
}

/** That the number beside it is being computed. */
export function Computing({ kind }: { kind: Task["kind"] }) {
  const task = tasks.value.find((one) => one.automatic && one.kind === kind);
  if (!task) return null;
  return (
    <div class="computing" data-testid={`computing-${kind}`}>
      <span>
        {task.title}: {said(task)}
      </span>
      <Bar share={shareOf(task)} />
      <Button onClick={cancelAutomatic}>Cancel</Button>
    </div>
  );
}
