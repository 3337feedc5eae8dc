/* cmd/cmd.h - what the commands share. Adding a command takes four things: a file src/cmd/NAME.c with
 * cmd_NAME, a line in the table of src/main.c, a prototype here, and man/sammed2d-NAME.1 with its test
 * tests/cli/NAME.t.
 *
 * Results go to standard output; talk and the progress bar (on a terminal only) to standard error.
 */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include <stdio.h>
#include "cmd/options.h"
#include "sammed2d/error.h"
#include "sammed2d/listener.h"

int cmd_info(int argc, char **argv);
int cmd_segment(int argc, char **argv);
int cmd_slice(int argc, char **argv);
int cmd_convert(int argc, char **argv);
int cmd_weights(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_train(int argc, char **argv);
int cmd_eval(int argc, char **argv);

/* Set by the common options. */
struct cmd_common {
    bool quiet, verbose;
    int threads; /* 0: all cores */
};
extern struct cmd_common cmd_common;

/* Warnings and notes to standard error ("sammed2d: warning: ..."), a progress bar when it is a
 * terminal and not -q, cancelled after SIGINT or SIGTERM. */
const struct sm_listener *cmd_listener(void);
/* Every warning so far, for --json: how many, and the sentences. */
size_t cmd_warnings(const char *const **warnings);
/* "sammed2d segment: MESSAGE" on standard error; returns err->status as exit status. */
int cmd_fail(const char *command, const struct sm_err *err);

/* $SAMMED2D_WEIGHTS, else the installed model, else weights/ beside the build: the path to open when
 * no -w was given. Static storage. */
const char *cmd_default_weights(void);

/* A text as a field of a CSV file, in quotes, those within doubled. ref: RFC 4180. */
void cmd_csv_text(FILE *file, const char *text);

#endif
