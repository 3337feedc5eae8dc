/* Kept embeddings: the table in its file, what decides that a picture was seen before, and the encoder that
 * is only read when it is needed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/digest.h"
#include "h5/h5.h"
#include "lib/small_model.h"
#include "model/model_internal.h"
#include "nn/nn.h"
#include "pipeline/embeddings.h"

static char folder[] = "/tmp/sammed2d-kept-XXXXXX";
static char path[64], weights[64];

static int set_up(void **state)
{
    (void)state;
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/kept.h5", folder);
    snprintf(weights, sizeof weights, "%s/weights.h5", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    unlink(weights);
    return rmdir(folder);
}

/* ---- the table ---- */

enum { FLOATS = 3000, SLOTS = 12 };

/* A record and its key are functions of a number, so that who finds one can tell whether it is whole. */
static void make_record(int number, char key[65], float values[FLOATS])
{
    digest_bytes(&number, sizeof number, key);
    for (int i = 0; i < FLOATS; i++)
        values[i] = (float)number + (float)i / FLOATS;
}

static struct h5_table *open_table(int64_t floats, enum sm_status expected)
{
    struct sm_err err = {0};
    struct h5_table *table;
    enum sm_status status = h5_table_open(&table, path, "numbers", floats, SLOTS, &err);
    if (status != expected)
        fail_msg("status %d: %s", status, err.message);
    return table;
}

static bool put(struct h5_table *table, int number)
{
    char key[65];
    float values[FLOATS];
    make_record(number, key, values);
    return h5_table_put(table, key, values);
}

static bool get(const struct h5_table *table, int number)
{
    char key[65];
    float expected[FLOATS], values[FLOATS];
    make_record(number, key, expected);
    if (!h5_table_get(table, key, values))
        return false;
    assert_memory_equal(values, expected, sizeof values);
    return true;
}

static off_t size_of(const char *file)
{
    struct stat status;
    assert_int_equal(stat(file, &status), 0);
    return status.st_size;
}

static void records_stay_and_the_oldest_goes(void **state)
{
    (void)state;
    struct h5_table *table = open_table(FLOATS, SM_OK);
    off_t size = size_of(path);
    assert_false(get(table, 1));
    for (int n = 0; n < SLOTS; n++)
        assert_true(put(table, n));
    assert_true(put(table, 3)); /* there already: takes no other's place */
    h5_table_close(table);
    table = open_table(FLOATS, SM_OK);
    for (int n = 0; n < SLOTS; n++)
        assert_true(get(table, n));
    for (int n = SLOTS; n < SLOTS + 3; n++)
        assert_true(put(table, n));
    for (int n = 0; n < SLOTS + 3; n++)
        assert_int_equal(get(table, n), n >= 3);
    assert_int_equal(size_of(path), size);
    assert_true(size < (off_t)SLOTS * FLOATS * 4 + 65536);
    h5_table_close(table);
}

/* One byte of a record overwritten anywhere: it is not found; the others are. */
static void what_is_damaged_is_not_found(void **state)
{
    (void)state;
    struct h5_table *table = open_table(FLOATS, SM_OK);
    for (int n = 0; n < 3; n++)
        put(table, n);
    char *bytes = malloc((size_t)size_of(path)), key[65];
    float values[FLOATS];
    make_record(1, key, values);
    FILE *file = fopen(path, "r+b");
    size_t count = fread(bytes, 1, (size_t)size_of(path), file);
    char *place = memmem(bytes, count, values, sizeof values);
    assert_non_null(place);
    fseek(file, place - bytes + 4321, SEEK_SET);
    fputc(place[4321] ^ 1, file);
    fclose(file);
    free(bytes);
    assert_true(get(table, 0));
    assert_false(get(table, 1));
    assert_true(get(table, 2));
    h5_table_close(table);
}

static void other_files_are_left_alone(void **state)
{
    (void)state;
    struct sm_err err;
    struct h5_table *table = open_table(FLOATS, SM_OK);
    h5_table_close(table);
    open_table(FLOATS + 1, SM_USAGE);
    assert_int_equal(h5_table_open(&table, path, "letters", FLOATS, SLOTS, &err), SM_USAGE);
    assert_non_null(strstr(err.message, "holds no letters"));
    assert_int_equal(truncate(path, size_of(path) - FLOATS), 0);
    open_table(FLOATS, SM_USAGE);
    assert_int_equal(truncate(path, 100), 0);
    open_table(FLOATS, SM_USAGE);
    assert_int_equal(size_of(path), 100);
}

/* Several processes write more than there is room for, and read what the others write, all at a time:
 * whatever is found is whole, nobody fails, and the last that were written are there. */
static void processes_share_a_table(void **state)
{
    (void)state;
    enum { PROCESSES = 4, EACH = 60 };
    h5_table_close(open_table(FLOATS, SM_OK));
    off_t size = size_of(path);
    pid_t child[PROCESSES];
    for (int p = 0; p < PROCESSES; p++)
        if ((child[p] = fork()) == 0) {
            struct h5_table *table = open_table(FLOATS, SM_OK);
            bool good = true;
            for (int n = 0; n < EACH; n++) {
                good &= put(table, n * PROCESSES + p);
                for (int other = 0; other < PROCESSES; other++)
                    get(table, n * PROCESSES + other);
            }
            _exit(good ? 0 : 1);
        }
    for (int p = 0; p < PROCESSES; p++) {
        int status;
        waitpid(child[p], &status, 0);
        assert_int_equal(status, 0);
    }
    struct h5_table *table = open_table(FLOATS, SM_OK);
    int found = 0;
    for (int n = 0; n < PROCESSES * EACH; n++)
        found += get(table, n);
    assert_int_equal(found, SLOTS);
    assert_int_equal(size_of(path), size);
    h5_table_close(table);
}

/* ---- what decides ---- */

static struct sm_model *model;
static struct sm_volume volume;
enum { SIDE = 24, SLICES = 4 };

static void make_volume(void)
{
    struct sm_grid grid = {.dim = {SIDE, SIDE, SLICES},
                           .affine_lps = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}}};
    assert_int_equal(sm_volume_alloc(&volume, &grid, SM_INT16, 1, NULL), SM_OK);
    volume.format = SM_FORMAT_NIFTI;
    for (int v = 0; v < SIDE * SIDE * SLICES; v++)
        ((int16_t *)volume.voxels)[v] = (int16_t)(v * 7919 % 601 + v / SIDE % SIDE * 20);
}

struct outcome {
    int encoded;
    uint16_t labels[SIDE * SIDE * SLICES];
};

static struct outcome segment(struct sm_segment_options options, const char *digest, const char *box)
{
    struct sm_prompts prompts = {0};
    struct sm_result *result;
    struct outcome outcome;
    options.propagate = SM_PROPAGATE_NONE;
    if (digest)
        assert_int_equal(sm_embeddings_open(&options.embeddings, path, model, digest, 1, NULL), SM_OK);
    assert_int_equal(sm_prompts_add_box(&prompts, box, SM_SPACE_VOXEL, NULL), SM_OK);
    assert_int_equal(sm_prompts_resolve(&prompts, &volume.grid, NULL), SM_OK);
    assert_int_equal(sm_segment(&result, model, &volume, &prompts, &options, NULL, NULL), SM_OK);
    outcome.encoded = sm_result_encoded(result);
    memcpy(outcome.labels, sm_result_labels(result)->voxels, sizeof outcome.labels);
    sm_result_free(result);
    sm_prompts_free(&prompts);
    if (digest)
        sm_embeddings_close(options.embeddings);
    return outcome;
}

static int encoded(struct sm_segment_options options, const char *digest)
{
    return segment(options, digest, "a=3,4,1,17,15,2").encoded;
}

static void a_digest_decides(void **state)
{
    (void)state;
    const struct sm_segment_options plain = {.plane = SM_PLANE_AXIAL};
    struct sm_segment_options other;
    struct sm_config config = small_config();
    model = small_model(&config);
    make_volume();
    struct outcome without = segment(plain, NULL, "a=3,4,1,17,15,2"), first = segment(plain, "w1", "a=3,4,1,17,15,2"),
                   second = segment(plain, "w1", "a=3,4,1,17,15,2");
    assert_int_equal(without.encoded, 2);
    assert_int_equal(first.encoded, 2);
    assert_int_equal(second.encoded, 0);
    assert_memory_equal(first.labels, without.labels, sizeof first.labels);
    assert_memory_equal(second.labels, without.labels, sizeof first.labels);
    /* another prompt, and one slice more */
    without = segment(plain, NULL, "a=5,2,0,20,9,2");
    second = segment(plain, "w1", "a=5,2,0,20,9,2");
    assert_int_equal(second.encoded, 1);
    assert_memory_equal(second.labels, without.labels, sizeof first.labels);
    assert_int_equal(encoded(plain, "w2"), 2); /* weights */
    other = plain;
    other.window.mode = SM_WINDOW_VOLUME;
    assert_int_equal(encoded(other, "w1"), 2);
    assert_int_equal(encoded(other, "w1"), 0);
    other = plain;
    other.plane = SM_PLANE_CORONAL;
    assert_true(encoded(other, "w1") > 2);
    assert_int_equal(encoded(other, "w1"), 0);
    other = plain;
    other.orient_given = true;
    other.orient = SM_ORIENT_SA_MED2D;
    assert_int_equal(encoded(other, "w1"), 2);
    assert_int_equal(encoded(plain, "w1"), 0);
    ((int16_t *)volume.voxels)[SIDE * SIDE + 100] += 40; /* the volume, on one of the slices */
    assert_int_equal(encoded(plain, "w1"), 1);
    sm_model_close(model);
    sm_volume_free(&volume);
}

static void precision_decides(void **state)
{
    (void)state;
    struct sm_config config = small_config();
    char keys[3][65];
    static const uint8_t grey[6] = {1, 2, 3, 4, 5, 6};
    assert_true(small_file(weights, &config, NULL));
    for (int p = 0; p < 3; p++) {
        struct sm_embeddings *kept;
        assert_int_equal(sm_model_open_as(&model, weights, (enum sm_precision)p, NULL), SM_OK);
        assert_int_equal(sm_embeddings_open(&kept, path, model, "w", 1, NULL), SM_OK);
        embeddings_key(kept, &(struct sm_picture){2, 3, 1, grey}, keys[p]);
        sm_embeddings_close(kept);
        sm_model_close(model);
        for (int q = 0; q < p; q++)
            assert_string_not_equal(keys[p], keys[q]);
    }
}

/* ---- what makes reuse right ---- */

enum { PICTURES = 3 };

static void encode(float *out, int batch, int threads, const struct sm_picture *pictures)
{
    struct sm_session *session;
    size_t floats = sm_embedding_floats(sm_model_config(model));
    nn_set_threads(threads);
    assert_int_equal(sm_session_open(&session, model, batch, 1, NULL), SM_OK);
    for (int n = 0; n < PICTURES; n += batch)
        assert_int_equal(sm_encode(session, pictures + n, batch, out + (size_t)n * floats, NULL), SM_OK);
    sm_session_close(session);
    nn_set_threads(0);
}

/* A picture's embedding is the same to the last bit in whatever company, on however many threads. */
static void an_embedding_stands_alone(void **state)
{
    (void)state;
    static uint8_t grey[PICTURES][40 * 30];
    struct sm_picture pictures[PICTURES];
    assert_int_equal(sm_model_open(&model, "weights/default.h5", NULL), SM_OK);
    size_t floats = PICTURES * sm_embedding_floats(sm_model_config(model));
    float *expected = malloc(floats * sizeof *expected), *got = malloc(floats * sizeof *got);
    for (int n = 0; n < PICTURES; n++) {
        for (int p = 0; p < 40 * 30; p++)
            grey[n][p] = (uint8_t)(p * (n + 3) * 37 % 251);
        pictures[n] = (struct sm_picture){40, 30, 1, grey[n]};
    }
    static const char *const kernels[] = {"avx512", "avx2", "base", "blas"};
    const char *usual = nn_kernels();
    for (int k = 0; k < 4; k++) {
        if (!nn_use_kernels(kernels[k]))
            continue;
        encode(expected, 1, 1, pictures);
        for (int threads = 1; threads <= 3; threads++)
            for (int batch = 1; batch <= PICTURES; batch += PICTURES - 1) {
                encode(got, batch, threads, pictures);
                if (memcmp(got, expected, floats * sizeof *got) != 0)
                    fail_msg("%s: %d threads, %d at once: another embedding", kernels[k], threads, batch);
            }
    }
    nn_use_kernels(usual);
    free(expected);
    free(got);
    sm_model_close(model);
}

static enum sm_status encode_as(const char *file, bool lazily, enum sm_precision precision, float *out,
                                struct sm_err *err)
{
    static uint8_t grey[20 * 20];
    const struct sm_picture picture = {20, 20, 1, grey};
    struct sm_session *session = NULL;
    model = NULL;
    for (int p = 0; p < 400; p++)
        grey[p] = (uint8_t)p;
    enum sm_status status = (lazily ? sm_model_open_lazily : sm_model_open_as)(&model, file, precision, err);
    if (lazily && status)
        return SM_USAGE; /* should have been later */
    if (!status)
        status = sm_session_open(&session, model, 1, 1, err);
    for (int n = 0; n < 2 && !status; n++)
        status = sm_encode(session, &picture, 1, out, err);
    sm_session_close(session);
    sm_model_close(model);
    return status;
}

static enum sm_status encode_picture_at_once(const struct sm_picture *picture, float *out)
{
    struct sm_session *session = NULL;
    enum sm_status status = sm_model_open(&model, weights, NULL);
    if (!status)
        status = sm_session_open(&session, model, 1, 1, NULL);
    if (!status)
        status = sm_encode(session, picture, 1, out, NULL);
    sm_session_close(session);
    sm_model_close(model);
    return status;
}

static enum sm_status encode_one(const char *file, bool lazily, float *out, struct sm_err *err)
{
    return encode_as(file, lazily, SM_PRECISION_FLOAT32, out, err);
}

/* Convolutions stored as they are computed with are the same convolutions. */
static void packed_weights_are_the_same(void **state)
{
    (void)state;
    struct sm_config config = small_config();
    float plain[8192], packed[8192];
    size_t bytes = sm_embedding_floats(&config) * sizeof(float);
    for (int p = 0; p < 3; p++) {
        assert_int_equal(small_file(weights, &config, NULL), true);
        assert_int_equal(encode_as(weights, false, (enum sm_precision)p, plain, NULL), SM_OK);
        for (int half = 0; half < 2; half++) {
            assert_true(small_file(weights, &config, &(struct small_flaw){.packed = true, .half = half}));
            if (half) { /* rounded: compared with the plain file that is rounded the same way */
                assert_int_equal(encode_as(weights, false, (enum sm_precision)p, packed, NULL), SM_OK);
                assert_true(small_file(weights, &config, &(struct small_flaw){.half = true}));
                assert_int_equal(encode_as(weights, false, (enum sm_precision)p, plain, NULL), SM_OK);
                assert_memory_equal(packed, plain, bytes);
                continue;
            }
            for (int lazily = 0; lazily < 2; lazily++) {
                assert_int_equal(encode_as(weights, lazily, (enum sm_precision)p, packed, NULL), SM_OK);
                assert_memory_equal(packed, plain, bytes);
            }
        }
    }
}

/* Opened lazily, a session's first encoding lays the adapters' filters out for itself, its second for good. */
static void filters_are_the_same_however_laid_out(void **state)
{
    (void)state;
    static uint8_t grey[20 * 20];
    static float all[4][8192];
    const struct sm_picture picture = {20, 20, 1, grey};
    struct sm_session *session[2] = {NULL};
    struct sm_config config = small_config();
    struct sm_err err;
    config.embed_dim = 32; /* large enough to be used where it lies in the file */
    config.mlp_dim = 128;
    for (int p = 0; p < 400; p++)
        grey[p] = (uint8_t)(p * p);
    assert_true(small_file(weights, &config, NULL));
    assert_int_equal(encode_picture_at_once(&picture, all[3]), SM_OK);
    assert_int_equal(sm_model_open_lazily(&model, weights, SM_PRECISION_FLOAT32, &err), SM_OK);
    assert_true(model_lays_out(model));
    for (int s = 0; s < 2; s++)
        assert_int_equal(sm_session_open(&session[s], model, 1, 1, &err), SM_OK);
    for (int n = 0; n < 3; n++) /* the other session was opened before, and is used after */
        assert_int_equal(sm_encode(session[n == 2], &picture, 1, all[n], &err), SM_OK);
    assert_false(model_lays_out(model));
    for (int n = 0; n < 3; n++)
        assert_memory_equal(all[n], all[3], sm_embedding_floats(&config) * sizeof(float));
    for (int s = 0; s < 2; s++)
        sm_session_close(session[s]);
    sm_model_close(model);
}

static void the_encoder_is_read_when_needed(void **state)
{
    (void)state;
    static const char name[] = "image_encoder.blocks.1.Adapter.spatial.0.weight";
    struct sm_config config = small_config();
    struct sm_err err;
    float at_once[8192], later[8192];
    config.embed_dim = 32; /* large enough to be used where it lies in the file */
    config.mlp_dim = 128;
    assert_true(sm_embedding_floats(&config) <= 8192);
    assert_true(small_file(weights, &config, NULL));
    assert_int_equal(encode_one(weights, false, at_once, &err), SM_OK);
    assert_int_equal(encode_one(weights, true, later, &err), SM_OK);
    assert_memory_equal(at_once, later, sm_embedding_floats(&config) * sizeof(float));
    assert_true(small_file(weights, &config, &(struct small_flaw){.nan = name}));
    assert_int_equal(encode_one(weights, false, later, &err), SM_WEIGHTS);
    assert_int_equal(encode_one(weights, true, later, &err), SM_WEIGHTS);
    assert_non_null(strstr(err.message, name));
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(records_stay_and_the_oldest_goes), WITH_FOLDER(what_is_damaged_is_not_found),
        WITH_FOLDER(other_files_are_left_alone),       WITH_FOLDER(processes_share_a_table),
        WITH_FOLDER(a_digest_decides),                 WITH_FOLDER(precision_decides),
        WITH_FOLDER(an_embedding_stands_alone),        WITH_FOLDER(the_encoder_is_read_when_needed),
        WITH_FOLDER(packed_weights_are_the_same),      WITH_FOLDER(filters_are_the_same_however_laid_out),
    };
    return cmocka_run_group_tests_name("embeddings", tests, NULL, NULL);
}
