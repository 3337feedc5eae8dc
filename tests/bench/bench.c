/* build/bench: how fast the network and `segment` are here, as ratios to sgemm measured in the same
 * moments; README.md beside this says how, and what the figures were. The seconds alone mean nothing on
 * another machine. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bench/parts/bench.h"
#include "nn/nn.h"

static const char usage[] =
    "usage: bench [options]\n"
    "  --json             one JSON document on standard output\n"
    "  --rounds N         runs of everything (default 5, at most 64)\n"
    "  --threads N        default: as many as there are cores\n"
    "  --processor-time   one thread, and its own time instead of the wall's: for a machine that is\n"
    "                     not idle (leaves out the part threads)\n"
    "  --parts A,B...     of encoder, decoder, segment, threads (default: all)\n"
    "  --slices N         of the CT that is segmented, 512 x 512 each (default 100)\n"
    "  --weights FILE     of this model, instead of those made for the golden file (not verified)\n"
    "  --golden FILE      what is shown, with which weights, and what has to come out\n"
    "                     (default ../shared/golden/sam_med2d_b.h5; without it ViT-B, not verified)\n";

/* A file of one's own for the document, and what else is printed goes to standard error. */
static FILE *keep_stdout(void)
{
    FILE *out = fdopen(dup(STDOUT_FILENO), "w");
    if (!out || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        give_up("standard output cannot be used");
    return out;
}

static bool choose_parts(struct bench *b, char *list)
{
    for (char *word = strtok(list, ","); word; word = strtok(NULL, ",")) {
        int part = 0;
        while (part < PARTS && strcmp(word, part_names[part]) != 0)
            part++;
        if (part == PARTS)
            return false;
        b->part[part] = true;
    }
    return true;
}

static int number(const char *text, int least, int most)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (*end || end == text || value < least || value > most)
        give_up("%s is not a number from %d to %d", text, least, most);
    return (int)value;
}

static void read_options(struct bench *b, int argc, char **argv)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'},        {"rounds", required_argument, NULL, 'r'},
        {"threads", required_argument, NULL, 't'}, {"parts", required_argument, NULL, 'p'},
        {"slices", required_argument, NULL, 's'}, {"golden", required_argument, NULL, 'g'},
        {"weights", required_argument, NULL, 'w'},
        {"processor-time", no_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    char every[] = "encoder,decoder,segment,threads", *parts = every;
    for (int c; (c = getopt_long(argc, argv, "w:", options, NULL)) >= 0;) {
        switch (c) {
        case 'j': b->json = true; break;
        case 'r': b->rounds = number(optarg, 1, MOST_ROUNDS); break;
        case 't': b->threads = number(optarg, 0, 1024); break;
        case 's': b->slices = number(optarg, 1, 1000); break;
        case 'g': b->golden_path = optarg; break;
        case 'w': b->weights_path = optarg; break;
        case 'c': b->processor_time = true; break;
        case 'p': parts = optarg; break;
        case 'h': fputs(usage, stdout); exit(0);
        default: fputs(usage, stderr); exit(1);
        }
    }
    if (optind < argc || !choose_parts(b, parts)) {
        fputs(usage, stderr);
        exit(1);
    }
}

/* The program starts itself again for this; here it would hide from whoever reads the figures what was measured. */
static void warn_of_slow_blas(void)
{
    const char *core = nn_core_instead_of(nn_blas_core());
    if (core)
        fprintf(stderr, "bench: OpenBLAS is older than this processor and took the kernels for %s; with "
                        "OPENBLAS_CORETYPE=%s the figures are those of sammed2d itself\n", nn_blas_core(), core);
}

int main(int argc, char **argv)
{
    static struct bench b = {.rounds = 5, .slices = 100, .golden_path = "../shared/golden/sam_med2d_b.h5"};
    read_options(&b, argc, argv);
    FILE *out = b.json ? keep_stdout() : stdout;
    if (b.processor_time)
        use_processor_time();
    nn_set_threads(b.processor_time ? 1 : b.threads);
    b.threads = nn_threads();
    warn_of_slow_blas();
    network_prepare(&b);
    if (b.part[PART_ENCODER])
        bench_encoder(&b);
    if (b.part[PART_DECODER])
        bench_decoder(&b);
    if (b.part[PART_SEGMENT])
        bench_segment(&b);
    if (b.part[PART_THREADS] && !b.processor_time) {
        bench_network_threads(&b);
        bench_segment_threads(&b);
    }
    (b.json ? report_json : report_text)(&b, out);
    return b.failed || b.tally.failed || fflush(out) ? 1 : 0;
}
