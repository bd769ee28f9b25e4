#define _POSIX_C_SOURCE 200809L

#include "interrupt.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t requested;

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    requested = 1;
}

void interrupt_install(void)
{
    struct sigaction action = {0};
    sigemptyset(&action.sa_mask);

    /* Installed even where SIGINT is ignored: a shell script's background job must be stoppable with kill -INT.
       SA_RESETHAND gives the second one its default action. */
    action.sa_handler = on_interrupt;
    action.sa_flags = (int)(SA_RESETHAND | SA_RESTART);
    sigaction(SIGINT, &action, NULL);

    /* A closed pipe is to be reported like a full disk, as a failed write. */
    action.sa_handler = SIG_IGN;
    action.sa_flags = 0;
    sigaction(SIGPIPE, &action, NULL);
}

bool interrupt_requested(void)
{
    return requested != 0;
}
