#include "flagging.h"

#include "console.h"

#include <stdlib.h>
#include <string.h>

const struct choice flag_choices[] = {
    {"either", LENS_FLAG_CRITERION_EITHER}, {"pred", LENS_FLAG_CRITERION_PREDICTION},
    {"confidence", LENS_FLAG_CRITERION_CONFIDENCE}, {0}};

static const struct choice switches[] = {{"1", 1}, {"true", 1}, {"yes", 1}, {"0", 0}, {"false", 0}, {"no", 0}, {0}};

/* NULL when the variable is not set, or set to nothing. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static bool read_choice(const char *name, const struct choice *choices, const char *expected, int32_t *target)
{
    const char *value = variable(name);
    if (value == NULL) {
        return true;
    }
    for (; choices->name != NULL; choices++) {
        if (strcmp(choices->name, value) == 0) {
            *target = choices->value;
            return true;
        }
    }
    console_message("the environment variable %s is '%s'; it must be %s", name, value, expected);
    return false;
}

static bool read_share(const char *name, double *target)
{
    const char *value = variable(name);
    if (value == NULL) {
        return true;
    }
    char *end = NULL;
    double number = strtod(value, &end);
    if (end == value || *end != '\0' || !(number >= 0 && number <= 1)) {
        console_message("the environment variable %s is '%s'; it must be a number from 0 to 1", name, value);
        return false;
    }
    *target = number;
    return true;
}

bool flagging_from_environment(struct lens_evaluate_options *options)
{
    double confidence = options->flag_confidence;
    bool understood =
        read_choice("BAD_IMAGE_CRITERION", flag_choices, "either, pred or confidence", &options->flag_criterion) &&
        read_share("BAD_CONF_THRESHOLD", &confidence) &&
        read_choice("SAVE_HEATMAP_RAW", switches, "1 or 0", &options->save_heatmap_raw) &&
        read_choice("SAVE_HEATMAP_OVERLAY", switches, "1 or 0", &options->save_heatmap_overlay) &&
        read_share("SAMPLE_BAD_RATIO", &options->sample_flagged_ratio);
    options->flag_confidence = (float)confidence;
    return understood;
}
