#include "session.h"
#include "commands.h"
#include "console.h"

#include <string.h>

static void on_log(lens_log_level level, const char *message, void *user_data)
{
    (void)user_data;
    console_message("%s: %s", level == LENS_LOG_ERROR ? "error" : "warning", message);
}

void session_defaults(struct session *session)
{
    *session = (struct session){0};
    lens_init_options_init(&session->init);
    session->init.abi_version = LENS_ABI_VERSION;
    session->init.log = on_log;
    session->init.log_level = LENS_LOG_WARNING;
}

int session_start(struct session *session)
{
    lens_status status = lens_init(&session->init, &session->context);
    return status == LENS_OK ? EXIT_DONE : library_failure(status, NULL);
}

void session_end(struct session *session)
{
    lens_context_free(session->context);
    session->context = NULL;
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
