// The model that the program offers, such as the demo's, until it is loaded.

import { loadingModel, loadOfferedModel } from "../session";
import { server } from "../state";
import { Button } from "./ui";

export function OfferedModel() {
  const offered = server.value?.offered_model ?? null;
  if (offered === null) return null;
  return (
    <Button
      title={offered}
      disabled={loadingModel.value}
      onClick={() => void loadOfferedModel()}
      testid="load-offered"
    >
      {loadingModel.value ? "Loading …" : "Load the demo's model"}
    </Button>
  );
}
