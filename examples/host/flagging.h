/* Which images of an evaluation are bad, from the command line and the environment. */

#ifndef LENS_HOST_FLAGGING_H
#define LENS_HOST_FLAGGING_H

#include "arguments.h"

#include <lesionlens.h>
#include <stdbool.h>

extern const struct choice flag_choices[];

/* Reads BAD_IMAGE_CRITERION, BAD_CONF_THRESHOLD, SAVE_HEATMAP_RAW, SAVE_HEATMAP_OVERLAY and SAMPLE_BAD_RATIO, the names
   that scripts around the reference pipeline set, as defaults for the options of the command line. False: one of them
   has no meaning; the message is on standard error. */
bool flagging_from_environment(struct lens_evaluate_options *options);

#endif
