// What there is to do while nothing is open.

import { server } from "../state";
import { OfferedModel } from "./OfferedModel";
import { chooseDirectory, chooseFiles } from "./Opening";
import { Button } from "./ui";

export function Welcome() {
  const state = server.value;
  const model = state?.models.at(-1);
  return (
    <div class="welcome" data-testid="welcome">
      <div class="welcome-box">
        <h2>Drop images here</h2>
        <p>
          DICOM files, PNG, JPEG, BMP or TIFF, whole directories, and a model file. They go to the program behind this
          page, and nowhere else.
        </p>
        <div class="welcome-buttons">
          <Button class="primary" icon="open" onClick={chooseFiles}>
            Open files
          </Button>
          <Button icon="folder" onClick={chooseDirectory}>
            Open a directory
          </Button>
        </div>
        <p class="welcome-model">
          {model ? (
            <>
              Model: <strong>{model.name}</strong>
            </>
          ) : state?.offered_model ? (
            <>
              No model yet. <OfferedModel />
            </>
          ) : (
            "No model yet: drop one, such as model.safetensors. Without it, images are shown and not computed."
          )}
        </p>
      </div>
    </div>
  );
}
