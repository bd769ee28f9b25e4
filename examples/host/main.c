/* lens-host: the lesionlens library on the command line. */

#include "commands.h"
#include "console.h"
#include "interrupt.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
    {"info", "show the machine, and how the library will use it", run_info},
    {"train", "train a model on labelled images", run_train},
    {"classify", "classify image files", run_classify},
    {"heatmap", "draw where in image files the model sees the positive class", run_heatmap},
    {"evaluate", "compare a model with labelled images", run_evaluate},
    {"calibrate", "set a model's temperature and threshold on labelled images", run_calibrate},
};
static const size_t command_count = sizeof commands / sizeof commands[0];

static void print_usage(FILE *out)
{
    fputs("usage: lens-host info | train | classify | heatmap | evaluate | calibrate [options]\n", out);
}

static void print_help(void)
{
    print_usage(stdout);
    fputs("\nTrains, runs and explains DenseNet-121 classifiers of medical images. Not a medical device.\n\n", stdout);
    fputs("commands:\n", stdout);
    for (size_t i = 0; i < command_count; i++) {
        printf("  %-10s%s\n", commands[i].name, commands[i].summary);
    }
    fputs("\n`lens-host COMMAND --help` lists the options of a command.\n\n"
          "exit code: 0 done, 1 failed (the message is on standard error), 2 wrong usage, 130 cancelled with Ctrl-C\n",
          stdout);
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        console_message("no command given");
        print_usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help();
        return EXIT_DONE;
    }
    for (size_t i = 0; i < command_count; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].run(argc - 2, argv + 2);
        }
    }
    console_message("unknown command '%s'; it must be info, train, classify, heatmap, evaluate or calibrate",
                    argv[1]);
    print_usage(stderr);
    return EXIT_USAGE;
}

/* A result that did not reach its reader is a failure, though it only shows when the buffer is emptied. */
static int close_output(int exit_code)
{
    bool failed = ferror(stdout) != 0;
    errno = 0;
    if (fclose(stdout) != 0) {
        failed = true;
    }
    if (!failed || exit_code != EXIT_DONE) {
        return exit_code;
    }
    console_message("cannot write to standard output: %s", errno != 0 ? strerror(errno) : "a write failed");
    return EXIT_FAILED;
}

int main(int argc, char **argv)
{
    interrupt_install();
    return close_output(run(argc, argv));
}
