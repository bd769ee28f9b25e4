#include "prediction_json.h"

void write_prediction_members(struct json_writer *writer, const struct lens_prediction *prediction)
{
    json_key(writer, "probability");
    json_number(writer, (double)prediction->probability);
    json_key(writer, "logit");
    json_number(writer, (double)prediction->logit);
    json_key(writer, "label");
    json_integer(writer, prediction->label);
    json_key(writer, "threshold");
    json_number(writer, (double)prediction->threshold);
}
