/* The command table. */
#include <stdio.h>
#include <string.h>
#include "cmd/cmd.h"
#include "sammed2d/sammed2d.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *purpose;
};

static const struct command commands[] = {
    {NULL, NULL, NULL},
};

static int print_help(FILE *to)
{
    fprintf(to, "usage: sammed2d COMMAND [OPTIONS] ...\n\n"
                "Segments CT and MR studies with SAM-Med2D. Not a medical device.\n\ncommands:\n");
    for (const struct command *command = commands; command->name; command++)
        fprintf(to, "  %-10s %s\n", command->name, command->purpose);
    fprintf(to, "\nsammed2d COMMAND --help shows a command's options; man sammed2d has the rest.\n");
    return to == stdout ? SM_OK : SM_USAGE;
}

static int print_version(void)
{
    printf("sammed2d %s\n", sm_version());
    return SM_OK;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return print_help(stderr);
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0)
        return print_help(stdout);
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        return print_version();
    for (const struct command *command = commands; command->name; command++)
        if (strcmp(name, command->name) == 0)
            return command->run(argc - 1, argv + 1);
    fprintf(stderr, "sammed2d: there is no command \"%s\"\n", name);
    return print_help(stderr);
}
