#include "setting.h"
#include "commands.h"
#include "console.h"

#include <string.h>

static void on_log(lens_log_level level, const char *message, void *user_data)
{
    (void)user_data;
    console_message("%s: %s", level == LENS_LOG_LEVEL_ERROR ? "error" : "warning", message);
}

void setting_defaults(struct setting *setting)
{
    *setting = (struct setting){0};
    lens_init_options_init(&setting->init);
    setting->init.abi_version = LENS_ABI_VERSION;
    setting->init.log = on_log;
    setting->init.log_level = LENS_LOG_LEVEL_WARNING;
}

int setting_start(struct setting *setting)
{
    lens_status status = lens_init(&setting->init, &setting->context);
    return status == LENS_OK ? EXIT_DONE : library_failure(status, NULL);
}

void setting_end(struct setting *setting)
{
    lens_context_free(setting->context);
    setting->context = NULL;
}

int cancelled(void)
{
    console_message("cancelled");
    return EXIT_CANCELLED;
}

int library_failure(lens_status status, const char *file)
{
    if (status == LENS_CANCELLED) {
        return cancelled();
    }
    const char *message = lens_last_error();
    if (message[0] == '\0') {
        message = lens_status_name(status);
    }
    if (file == NULL || strstr(message, file) != NULL) {
        console_message("%s", message);
    } else {
        console_message("%s: %s", file, message);
    }
    return EXIT_FAILED;
}
