/* The figures, for people and for programs. */
#include <math.h>
#include "base/json.h"
#include "bench/parts/bench.h"
#include "nn/nn.h"

/* The decoder's figures are asked for on a machine of this rate. */
static const double common_rate = 205;

const char *const part_names[PARTS] = {"encoder", "decoder", "segment", "threads"};
const char *const speedup_names[SPEEDUPS] = {"encoder_batch1", "encoder_batch4", "decoder_prompts20", "segment"};

/* What a slice's encoder needs, exact and nothing wasted: counted while it ran. */
static double encoder_gflop(const struct bench *b)
{
    return b->encoder[0][0].gflop;
}

/* ---- text ---- */

static void print_line(FILE *out, const char *name, const struct measurement *m, double gflop, double unit)
{
    struct spread s = spread_of(&m->seconds), ratio = ratio_to(m, gflop);
    if (m->seconds.n == 0)
        return;
    fprintf(out, "%-26s %9.3f  [%8.3f, %8.3f]", name, s.median * unit, s.least * unit, s.most * unit);
    if (gflop > 0)
        fprintf(out, "  %7.2f %8.1f   %5.2f  [%.2f, %.2f]  best %.2f", gflop, gflop / s.median, ratio.median,
                ratio.least, ratio.most, best_ratio_to(m, gflop));
    fputc('\n', out);
}

static void print_stages(FILE *out, const char *title, const struct measurement *m)
{
    if (m->seconds.n == 0)
        return;
    fprintf(out, "\n%-26s %9s  %7s %8s %8s %7s\n", title, "ms", "%", "GFLOP", "GFLOP/s", "ratio");
    double all = spread_of(&m->seconds).median, rate = spread_of(&m->rate).median;
    for (int i = 0; i < STAGES; i++) {
        double seconds = spread_of(&m->stage[i]).median, gflop = m->stage_gflop[i];
        if (!(seconds > 0))
            continue;
        fprintf(out, "  %-24s %9.3f  %7.1f", stage_names[i], 1000 * seconds, 100 * seconds / all);
        if (gflop >= 0.001)
            fprintf(out, " %8.3f %8.1f %7.2f", gflop, gflop / seconds, seconds * rate / gflop);
        fputc('\n', out);
    }
}

static void print_encoder(const struct bench *b, FILE *out)
{
    char name[64];
    for (int p = 0; p < PRECISIONS; p++)
        for (int i = 0; i < BATCHES; i++) {
            snprintf(name, sizeof name, "encoder %s, batch %d", precision_names[p], batches[i]);
            print_line(out, name, &b->encoder[p][i], encoder_gflop(b), 1);
        }
}

static void print_decoder(const struct bench *b, FILE *out)
{
    char name[64];
    for (int i = 0; i < COUNTS; i++) {
        const struct measurement *m = &b->decoder[i];
        snprintf(name, sizeof name, "decoder, prompts %d: ms", prompt_counts[i]);
        print_line(out, name, m, m->gflop, 1000);
        if (m->seconds.n)
            fprintf(out, "%-26s %9.3f  best %.3f\n", "  at 205 GFLOP/s",
                    1000 * ratio_to(m, common_rate).median, 1000 * best_ratio_to(m, common_rate));
    }
    print_line(out, "upsampling to 512^2: ms", &b->upsample, 0, 1000);
}

static void print_runs(FILE *out, const char *name, const struct measurement *m, const struct run_seconds *s)
{
    if (m->seconds.n == 0)
        return;
    print_line(out, name, m, 0, 1);
    fprintf(out, "%-26s %9.3f", "  the whole run", spread_of(&m->seconds).median * m->units);
    if (s->outside.n)
        fprintf(out, "  read %.3f, encode %.3f, decode %.3f, write %.3f, outside both %.3f",
                spread_of(&s->read).median, spread_of(&s->encode).median, spread_of(&s->decode).median,
                spread_of(&s->write).median, spread_of(&s->outside).median);
    fputc('\n', out);
}

static void print_rest(const struct bench *b, FILE *out)
{
    for (int i = 0; i < SPEEDUPS; i++)
        if (b->speedup[i].n)
            fprintf(out, "%d threads against one, %-18s %.2f times  [%.2f, %.2f]\n", b->threads, speedup_names[i],
                    spread_of(&b->speedup[i]).median, spread_of(&b->speedup[i]).least,
                    spread_of(&b->speedup[i]).most);
    for (int i = 0; i < PARTS; i++)
        if (b->peak_mb[i] > 0)
            fprintf(out, "peak memory, %-13s %9.0f MB\n", part_names[i], b->peak_mb[i]);
    for (int p = 1; p < PRECISIONS; p++)
        if (b->golden.file && b->difference[p] > 0)
            fprintf(out, "%s embedding: %.3g of its largest value from the golden one\n", precision_names[p],
                    b->difference[p]);
    if (!b->golden.file)
        fprintf(out, "not verified: %s%s\n", b->weights_path ? "the weights are " : b->golden_path,
                b->weights_path ? b->weights_path : " is not there");
    fprintf(out, "outputs verified: %d, wrong: %d, largest difference %.2f of what it may be\n", b->verified,
            b->failed, b->worst);
}

void report_text(const struct bench *b, FILE *out)
{
    struct spread rate = spread_of(&b->sgemm);
    fprintf(out, "%s, %d threads, %d rounds%s: medians [least, most]\n", nn_blas_description(), b->threads,
            b->rounds, b->processor_time ? ", processor time" : "");
    fprintf(out, "%-26s %9.1f  [%8.1f, %8.1f] GFLOP/s\n", "sgemm 2048^3", rate.median, rate.least, rate.most);
    fprintf(out, "%-26s %9s  %20s  %7s %8s   %s\n", "", "s a unit", "", "GFLOP", "GFLOP/s",
            "times its GFLOP at sgemm's rate");
    print_encoder(b, out);
    print_decoder(b, out);
    for (int i = 0; i < OBJECTS; i++)
        print_runs(out, i ? "segment, 10 objects" : "segment, 1 object", &b->segment[i], &b->segment_seconds[i]);
    print_runs(out, "segment, one slice", &b->start, &b->start_seconds);
    print_rest(b, out);
    for (int p = 0; p < PRECISIONS; p++)
        print_stages(out, precision_names[p], &b->encoder[p][0]);
    print_stages(out, "float32, batch 8", &b->encoder[0][BATCHES - 1]);
    print_stages(out, "one prompt", &b->decoder[0]);
    print_stages(out, "20 prompts, thread time", &b->decoder[COUNTS - 1]);
}

/* ---- JSON: the keys of DESIGN.md, and more; what was not measured is null ---- */

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *spread_json(struct spread s)
{
    return json_pack("[o, o, o]", number(s.least), number(s.median), number(s.most));
}

static json_t *median_json(const struct samples *samples)
{
    return number(spread_of(samples).median);
}

/* {seconds, gflop, gflops, ratio} of each stage. */
static json_t *stages_json(const struct measurement *m)
{
    json_t *all = json_object();
    double rate = spread_of(&m->rate).median;
    for (int i = 0; i < STAGES; i++) {
        double seconds = spread_of(&m->stage[i]).median, gflop = m->stage_gflop[i];
        if (seconds > 0)
            json_object_set_new(all, stage_names[i],
                                json_pack("{so, so, so, so}", "seconds", number(seconds), "gflop", number(gflop),
                                          "gflops", number(gflop / seconds), "ratio",
                                          number(gflop > 0 ? seconds * rate / gflop : NAN)));
    }
    return all;
}

static json_t *detail(const struct measurement *m, double gflop)
{
    return json_pack("{so, so, so, so, so, so, so}", "seconds", spread_json(spread_of(&m->seconds)), "sgemm_gflops",
                     median_json(&m->rate), "gflop", number(gflop), "gflops",
                     number(gflop / spread_of(&m->seconds).median), "ratio", spread_json(ratio_to(m, gflop)),
                     "best_ratio", number(best_ratio_to(m, gflop)), "stages", stages_json(m));
}

static void encoder_json(const struct bench *b, json_t *seconds, json_t *details)
{
    char key[32];
    for (int p = 0; p < PRECISIONS; p++) {
        json_t *of = json_object(), *more = json_object();
        for (int i = 0; i < BATCHES; i++) {
            snprintf(key, sizeof key, "batch%d", batches[i]);
            json_object_set_new(of, key, median_json(&b->encoder[p][i].seconds));
            json_object_set_new(more, key, detail(&b->encoder[p][i], encoder_gflop(b)));
        }
        json_object_set_new(more, "difference", number(b->golden.file ? b->difference[p] : NAN));
        json_object_set_new(seconds, precision_names[p], of);
        json_object_set_new(details, precision_names[p], more);
    }
}

static void decoder_json(const struct bench *b, json_t *seconds, json_t *details)
{
    char key[32];
    for (int i = 0; i < COUNTS; i++) {
        const struct measurement *m = &b->decoder[i];
        json_t *more = detail(m, m->gflop);
        snprintf(key, sizeof key, "prompts%d", prompt_counts[i]);
        json_object_set_new(more, "seconds_at_205_gflops", number(ratio_to(m, common_rate).median));
        json_object_set_new(seconds, key, median_json(&m->seconds));
        json_object_set_new(details, key, more);
    }
    json_object_set_new(details, "upsample_512", detail(&b->upsample, NAN));
}

static json_t *run_json(const struct measurement *m, const struct run_seconds *s)
{
    return json_pack("{so, so, so, so, so, so}", "seconds", spread_json(spread_of(&m->seconds)), "read",
                     median_json(&s->read), "encode", median_json(&s->encode), "decode", median_json(&s->decode),
                     "write", median_json(&s->write), "outside", median_json(&s->outside));
}

static void segment_json(const struct bench *b, json_t *seconds, json_t *details)
{
    char key[32];
    for (int i = 0; i < OBJECTS; i++) {
        snprintf(key, sizeof key, "objects%d", object_counts[i]);
        json_object_set_new(seconds, key, median_json(&b->segment[i].seconds));
        json_object_set_new(details, key, run_json(&b->segment[i], &b->segment_seconds[i]));
    }
    json_object_set_new(details, "one_slice", run_json(&b->start, &b->start_seconds));
}

static json_t *threads_json(const struct bench *b)
{
    json_t *all = json_object();
    for (int i = 0; i < SPEEDUPS; i++)
        json_object_set_new(all, speedup_names[i], spread_json(spread_of(&b->speedup[i])));
    return all;
}

/* The most that any part took. */
static double peak(const struct bench *b)
{
    double most = 0;
    for (int i = 0; i < PARTS; i++)
        most = fmax(most, b->peak_mb[i]);
    return most;
}

void report_json(const struct bench *b, FILE *out)
{
    json_t *all = json_object(), *details = json_object(), *peaks = json_object();
    static void (*const parts[])(const struct bench *, json_t *, json_t *) = {encoder_json, decoder_json,
                                                                             segment_json};
    json_object_set_new(all, "sgemm_gflops", median_json(&b->sgemm));
    for (int i = 0; i < 3; i++) {
        json_t *seconds = json_object(), *more = json_object();
        parts[i](b, seconds, more);
        json_object_set_new(all, part_names[i], seconds);
        json_object_set_new(details, part_names[i], more);
    }
    for (int i = 0; i < PARTS; i++)
        json_object_set_new(peaks, part_names[i], number(b->peak_mb[i] > 0 ? b->peak_mb[i] : NAN));
    json_object_set_new(all, "peak_rss_mb", number(peak(b)));
    json_object_set_new(details, "peak_rss_mb", peaks);
    json_object_set_new(details, "threads_against_one", threads_json(b));
    json_object_set_new(all, "details", details);
    json_object_set_new(all, "library", json_string(nn_blas_description()));
    json_object_set_new(all, "threads", json_integer(b->threads));
    json_object_set_new(all, "clock", json_string(b->processor_time ? "processor" : "wall"));
    json_object_set_new(all, "rounds", json_integer(b->rounds));
    json_object_set_new(all, "verified",
                        json_pack("{sb, si, si, so}", "golden", b->golden.file != NULL, "outputs", b->verified,
                                  "wrong", b->failed, "worst_of_bound", number(b->worst)));
    json_dumpf(all, out, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    fputc('\n', out);
    json_decref(all);
}
