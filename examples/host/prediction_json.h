/* How a prediction looks in the program's JSON documents. */

#ifndef LENS_HOST_PREDICTION_JSON_H
#define LENS_HOST_PREDICTION_JSON_H

#include "json_write.h"
#include "lesionlens.h"

/* Into the object that is open. */
void write_prediction_members(struct json_writer *writer, const struct lens_prediction *prediction);

#endif
