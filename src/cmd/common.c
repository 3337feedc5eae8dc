#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/output.h"
#include "cmd/cmd.h"

struct cmd_common cmd_common;

static volatile sig_atomic_t stop_asked;
static bool bar_shown;

static void on_signal(int number)
{
    if (stop_asked) { /* asked twice: do not wait for the slice in work */
        output_abandon();
        signal(number, SIG_DFL);
        raise(number);
    }
    stop_asked = 1;
}

static void clear_bar(void)
{
    if (bar_shown)
        fputs("\r\033[K", stderr);
    bar_shown = false;
}

static char **said;
static size_t said_count;

size_t cmd_warnings(const char *const **warnings)
{
    *warnings = (const char *const *)said;
    return said_count;
}

static void remember(const char *sentence)
{
    char **grown = realloc(said, (said_count + 1) * sizeof *grown);
    if (grown)
        said = grown;
    if (grown && (said[said_count] = strdup(sentence)))
        said_count++;
}

static void warning(void *context, const char *sentence)
{
    (void)context;
    remember(sentence);
    if (cmd_common.quiet)
        return;
    clear_bar();
    fprintf(stderr, "sammed2d: warning: %s\n", sentence);
}

static void note(void *context, const char *sentence)
{
    (void)context;
    if (!cmd_common.verbose)
        return;
    clear_bar();
    fprintf(stderr, "sammed2d: %s\n", sentence);
}

static void progress(void *context, const char *what, size_t done, size_t total)
{
    (void)context;
    enum { WIDTH = 30 };
    if (cmd_common.quiet || total == 0 || !isatty(STDERR_FILENO))
        return;
    int filled = (int)(done * WIDTH / total);
    fprintf(stderr, "\r\033[K%s [%.*s%.*s] %zu/%zu", what, filled, "##############################",
            WIDTH - filled, "..............................", done, total);
    bar_shown = true;
    if (done == total)
        clear_bar();
    fflush(stderr);
}

static bool cancelled(void *context)
{
    (void)context;
    return stop_asked;
}

const struct sm_listener *cmd_listener(void)
{
    static const struct sm_listener listener = {
        .warning = warning, .note = note, .progress = progress, .cancelled = cancelled};
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    /* SA_RESTART: a read cut short by the signal must not look like a truncated file. */
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct sigaction before;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        sigaction(signals[i], NULL, &before);
        if (before.sa_handler != SIG_IGN) /* nohup */
            sigaction(signals[i], &action, NULL);
    }
    return &listener;
}

/* The bundled model that nobody named and that is not there: what else there is. */
static const char *advice(const char *command, const struct sm_err *err)
{
    const char *given = getenv("SAMMED2D_WEIGHTS");
    if (err->status != SM_WEIGHTS || (given && *given))
        return "";
    const char *path = cmd_default_weights();
    if (access(path, F_OK) == 0 || strncmp(err->message, path, strlen(path)) != 0)
        return "";
    return strcmp(command, "weights") == 0
               ? "; the bundled model is not with the program: name a weights file, or set SAMMED2D_WEIGHTS to one"
               : "; the bundled model is not with the program: name a weights file with -w, or set SAMMED2D_WEIGHTS to "
                 "one";
}

int cmd_fail(const char *command, const struct sm_err *err)
{
    clear_bar();
    fprintf(stderr, "sammed2d %s: %s%s\n", command, err->message, advice(command, err));
    return err->status;
}

/* DIR/bin/sammed2d has its model in DIR/share/sammed2d; build/sammed2d in the weights/ of its tree.
 * So an installed tree may be moved, and no path is compiled in. */
const char *cmd_default_weights(void)
{
    static const char *const places[] = {"weights/default.h5", "share/sammed2d/default.h5"};
    enum { PLACES = sizeof places / sizeof places[0] };
    static char path[PATH_MAX + 64];
    const char *given = getenv("SAMMED2D_WEIGHTS");
    if (given && *given)
        return given;
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[length > 0 ? length : 0] = 0;
    for (int levels = 2; levels > 0 && strrchr(self, '/'); levels--)
        *strrchr(self, '/') = 0; /* the program's name, then its directory */
    for (int i = 0; i < PLACES; i++) {
        snprintf(path, sizeof path, "%s/%s", self, places[i]);
        if (access(path, R_OK) == 0)
            break;
    }
    return path;
}

void cmd_csv_text(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', file);
        fputc(*text, file);
    }
    fputc('"', file);
}
