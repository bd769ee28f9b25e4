/* Ctrl-C: the first asks the program to stop in good order, the second ends it at once. */

#ifndef LENS_HOST_INTERRUPT_H
#define LENS_HOST_INTERRUPT_H

#include <stdbool.h>

void interrupt_install(void);
bool interrupt_requested(void);

#endif
