/* The command table. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>
#include "base/json.h"
#include "checkpoint/version.h"
#include "cmd/cmd.h"
#include "dicom/version.h"
#include "h5/version.h"
#include "image/version.h"
#include "nifti/version.h"
#include "nn/nn.h"
#include "sammed2d/sammed2d.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *purpose;
};

static const struct command commands[] = {
    {"info", cmd_info, "what is there: volumes, geometry, and why anything was left out"},
    {"segment", cmd_segment, "the main job: a volume and prompts in, a label map out"},
    {"slice", cmd_slice, "volumes as 2-D pictures, with labels in SA-Med2D's layout"},
    {"train", cmd_train, "a model fine-tuned on labelled data, or trained from nothing"},
    {"convert", cmd_convert, "PyTorch checkpoint to weights file"},
    {"weights", cmd_weights, "describe and verify a weights file"},
    {"compare", cmd_compare, "two label maps or segmentations: geometry, Dice, distances"},
    {"eval", cmd_eval, "the paper's evaluation protocol over a labelled data set"},
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
    printf("  %s\n  %s\n  %s\n  %s\n  %s\n  %s\n  jansson %s\n", nn_blas_description(), h5_libraries(),
           nifti_libraries(), dicom_libraries(), image_libraries(), checkpoint_libraries(), jansson_version_str());
    return SM_OK;
}

static const struct command *find(const char *name)
{
    for (const struct command *command = commands; command->name; command++)
        if (strcmp(name, command->name) == 0)
            return command;
    return NULL;
}

static bool is_any(const char *text, const char *const names[])
{
    for (; *names; names++)
        if (strcmp(text, *names) == 0)
            return true;
    return false;
}

static bool set_unless_set(const char *name, const char *value)
{
    return !getenv(name) && setenv(name, value, 1) == 0;
}

/* OpenMP's threads spin where they wait for each other. That is well where nobody else wants the
 * processor; on a busy machine it made the same run thirty times slower, and costs next to nothing to do
 * without. A pthread build of OpenBLAS starts threads of its own as it is loaded, which spin too, and are
 * not needed (nn/linear.c). And OpenBLAS takes the slowest kernels it has for a processor newer than itself
 * (nn/blas_core.c). All of it is looked up in the environment before main() and there is no other way, so
 * the program starts once more, unless the user has chosen. */
static void settle_libraries(char **argv)
{
    static const char *const computing[] = {"segment", "eval", "train", "--version", "-V", NULL};
    bool usual = getauxval(AT_BASE) != 0; /* else "ld.so PROGRAM": the running file is the loader */
    if (!usual || !argv[0] || !argv[1] || !is_any(argv[1], computing))
        return;
    bool changed = set_unless_set("OPENBLAS_NUM_THREADS", "1");
    const char *core = nn_core_instead_of(nn_blas_core());
    if (core)
        changed |= set_unless_set("OPENBLAS_CORETYPE", core);
    if (!getenv("GOMP_SPINCOUNT") && !getenv("KMP_BLOCKTIME"))
        changed |= set_unless_set("OMP_WAIT_POLICY", "passive");
    char self[PATH_MAX]; /* its real name, which ps shows */
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[length > 0 ? length : 0] = 0;
    if (length > 0 && changed)
        execv(self, argv); /* when it cannot be done, it goes on as it is */
}

static int run(int argc, char **argv)
{
    static const char *const help[] = {"help", "--help", "-h", NULL};
    static const char *const version[] = {"--version", "-V", NULL};
    if (argc < 2)
        return print_help(stderr);
    if (is_any(argv[1], version))
        return print_version();
    bool wants_help = is_any(argv[1], help);
    if (wants_help && argc == 2)
        return print_help(stdout);
    const char *name = argv[wants_help ? 2 : 1];
    const struct command *command = find(name);
    if (command && wants_help)
        return command->run(2, (char *[]) {(char *)name, "--help", NULL});
    if (command)
        return command->run(argc - 1, argv + 1);
    fprintf(stderr, "sammed2d: there is no command \"%s\"\n", name);
    return print_help(stderr);
}

/* A result that did not reach standard output (a full disk) must not pass for success. */
int main(int argc, char **argv)
{
    settle_libraries(argv);
    signal(SIGXFSZ, SIG_IGN); /* a limit on file size is an error of write(), not an end without a word */
    int status = run(argc, argv);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    fprintf(stderr, "sammed2d: standard output cannot be written: %s\n", strerror(errno));
    return status == SM_OK ? SM_OUTPUT : status;
}
