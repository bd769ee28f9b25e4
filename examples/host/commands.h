/* The subcommands and what the program's exit codes mean. */

#ifndef LENS_HOST_COMMANDS_H
#define LENS_HOST_COMMANDS_H

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_CANCELLED = 130 };

/* Each takes what follows its own name on the command line and returns an exit code. The order of argv may change. */
int run_info(int argc, char **argv);
int run_train(int argc, char **argv);
int run_classify(int argc, char **argv);
int run_heatmap(int argc, char **argv);
int run_evaluate(int argc, char **argv);
int run_calibrate(int argc, char **argv);

#endif
