/* Files packed for bf16 and int8: what is damaged in them is named, and nothing of it is computed with. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <hdf5.h>
#include "h5/h5.h"
#include "lib/small_model.h"
#include "model/save.h"
#include "nn/nn.h"

/* libhdf5 1.10 itself loses a few hundred bytes when it gives up on some damaged files. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5";
}

/* A matrix of the encoder, n x k of them. */
#define QKV "image_encoder.blocks.0.attn.qkv.weight"
enum { N = 48, K = 16 };

static char path[64];

static int set_up(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/sammed2d-test-packed-%d.h5", (int)getpid());
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static void make(enum sm_precision precision)
{
    struct sm_config config = small_config();
    struct sm_model *model = small_model(&config);
    struct h5_out *out;
    assert_non_null(model);
    assert_int_equal(h5_create(&out, path, NULL), SM_OK);
    assert_int_equal(model_save_packed(model, out, precision, NULL), SM_OK);
    assert_int_equal(h5_commit(out, NULL), SM_OK);
    sm_model_close(model);
}

/* One embedding; NULL: the encoder's tensors were refused, *err says why. */
static float *encode(const struct sm_model *model, struct sm_err *err)
{
    struct sm_session *session;
    uint8_t pixels[20 * 30];
    struct sm_picture picture = {20, 30, 1, pixels};
    float *embedding = malloc(sm_embedding_floats(sm_model_config(model)) * sizeof *embedding);
    for (int i = 0; i < 600; i++)
        pixels[i] = (uint8_t)(i * 7);
    assert_int_equal(sm_session_open(&session, model, 1, 1, NULL), SM_OK);
    if (sm_encode(session, &picture, 1, embedding, err)) {
        free(embedding);
        embedding = NULL;
    }
    sm_session_close(session);
    return embedding;
}

/* ---- what can be wrong ---- */

static hid_t change(void)
{
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(file >= 0);
    return file;
}

/* Another data set under the name; values all alike but for the first. `packed`: in compressed pieces. */
static void replace(const char *name, hid_t type, int rank, const hsize_t *dim, double first, double rest, bool packed)
{
    hid_t file = change(), space = H5Screate_simple(rank, dim, NULL), plist = H5Pcreate(H5P_DATASET_CREATE);
    size_t count = (size_t)H5Sget_simple_extent_npoints(space);
    double *values = malloc(count * sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = i ? rest : first;
    if (packed)
        assert_true(H5Pset_chunk(plist, rank, dim) >= 0 && H5Pset_deflate(plist, 1) >= 0);
    assert_true(H5Ldelete(file, name, H5P_DEFAULT) >= 0);
    hid_t id = H5Dcreate2(file, name, type, space, H5P_DEFAULT, plist, H5P_DEFAULT);
    assert_true(id >= 0 && H5Dwrite(id, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Dclose(id), H5Pclose(plist), H5Sclose(space), H5Fclose(file);
    free(values);
}

static void remove_object(const char *name)
{
    hid_t file = change();
    assert_true(H5Ldelete(file, name, H5P_DEFAULT) >= 0);
    H5Fclose(file);
}

static void say_precision(const char *text)
{
    hid_t file = change(), type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    H5Adelete(file, "precision");
    H5Tset_size(type, strlen(text));
    hid_t attr = H5Acreate2(file, "precision", type, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(attr >= 0 && H5Awrite(attr, type, text) >= 0);
    H5Aclose(attr), H5Sclose(space), H5Tclose(type), H5Fclose(file);
}

/* The file is refused, at once or by the first picture, in a sentence that names it and what is wrong. */
static void refused(const char *what, const char *named)
{
    struct sm_model *model;
    struct sm_err err = {0};
    if (sm_model_open_as(&model, path, SM_PRECISION_FLOAT32, &err) == SM_OK)
        fail_msg("%s: was opened", what);
    assert_null(model);
    if (!strstr(err.message, path) || !strstr(err.message, named))
        fail_msg("%s: \"%s\" does not name %s", what, err.message, named);
    err = (struct sm_err){0};
    if (sm_model_open_lazily(&model, path, SM_PRECISION_FLOAT32, &err) == SM_OK) {
        if (encode(model, &err))
            fail_msg("%s: was computed with", what);
        sm_model_close(model);
    }
    assert_non_null(strstr(err.message, named));
}

static void test_tensors(void **state)
{
    (void)state;
    const hsize_t usual[] = {N, 1, K}, wide[] = {N, 1, K + 4}, turned[] = {K, 1, N}, taps[] = {N, 4, K / 4},
                  flat[] = {N, K}, scales[] = {N}, few[] = {N - 1};
    const struct {
        const char *what, *name;
        enum sm_precision precision;
        hid_t type; /* -1: removed */
        int rank;
        const hsize_t *dim;
        double first;
    } flaws[] = {
        {"no numbers", QKV, SM_PRECISION_INT8, -1, 0, NULL, 0},
        {"rows too long", QKV, SM_PRECISION_INT8, H5T_STD_I8LE, 3, wide, 1},
        {"other panels", QKV, SM_PRECISION_INT8, H5T_STD_I8LE, 3, taps, 1},
        {"turned", QKV, SM_PRECISION_INT8, H5T_STD_I8LE, 3, turned, 1},
        {"as float32 has it", QKV, SM_PRECISION_INT8, H5T_IEEE_F32LE, 2, flat, 1},
        {"floats for whole numbers", QKV, SM_PRECISION_INT8, H5T_IEEE_F32LE, 3, usual, 1},
        {"no scale", QKV ".scale", SM_PRECISION_INT8, -1, 0, NULL, 0},
        {"too few scales", QKV ".scale", SM_PRECISION_INT8, H5T_IEEE_F32LE, 1, few, 1},
        {"whole scales", QKV ".scale", SM_PRECISION_INT8, H5T_STD_I8LE, 1, scales, 1},
        {"a scale that is no number", QKV ".scale", SM_PRECISION_INT8, H5T_IEEE_F32LE, 1, scales, NAN},
        {"an infinite scale", QKV ".scale", SM_PRECISION_INT8, H5T_IEEE_F32LE, 1, scales, INFINITY},
        {"whole numbers for bf16", QKV, SM_PRECISION_BF16, H5T_STD_I8LE, 3, usual, 1},
        {"no number among floats", QKV, SM_PRECISION_BF16, H5T_IEEE_F32LE, 3, usual, NAN},
        {"infinity among floats", QKV, SM_PRECISION_BF16, H5T_IEEE_F32LE, 3, usual, -INFINITY},
    };
    for (size_t i = 0; i < sizeof flaws / sizeof *flaws; i++) {
        make(flaws[i].precision);
        if (flaws[i].type < 0)
            remove_object(flaws[i].name);
        else
            replace(flaws[i].name, flaws[i].type, flaws[i].rank, flaws[i].dim, flaws[i].first, 1, false);
        refused(flaws[i].what, QKV);
    }
}

static void test_precision(void **state)
{
    (void)state;
    make(SM_PRECISION_INT8);
    say_precision("int4");
    refused("another precision", "\"int4\", bf16 or int8 expected");
    make(SM_PRECISION_INT8);
    say_precision("bf16");
    refused("int8 said to be bf16", "does not hold floating-point numbers");
    make(SM_PRECISION_BF16);
    say_precision("int8");
    refused("bf16 said to be int8", "does not hold whole numbers");
    make(SM_PRECISION_BF16);
    say_precision("bf16, in the layout of another machine");
    refused("too long a word", "has shape");
}

/* What other programs may make of a file, compressed and with wider types, is the same to us. */
static void test_rewritten(void **state)
{
    (void)state;
    const hsize_t dim[] = {N, 1, K};
    size_t bytes = sm_embedding_floats(&(struct sm_config){.image_size = 64, .patch_size = 16, .prompt_dim = 32}) * sizeof(float);
    const struct {
        enum sm_precision precision;
        hid_t usual, other;
        double value;
    } ways[] = {{SM_PRECISION_INT8, H5T_STD_I8LE, H5T_STD_I32BE, -127}, {SM_PRECISION_BF16, H5T_IEEE_F32LE, H5T_IEEE_F64BE, 0.25}};
    for (size_t i = 0; i < 2; i++) {
        float *embedding[2];
        make(ways[i].precision);
        for (int other = 0; other < 2; other++) {
            struct sm_model *model;
            struct sm_err err = {0};
            replace(QKV, other ? ways[i].other : ways[i].usual, 3, dim, 3, ways[i].value, other);
            if (sm_model_open_as(&model, path, ways[i].precision, &err))
                fail_msg("%s", err.message);
            embedding[other] = encode(model, &err);
            assert_non_null(embedding[other]);
            sm_model_close(model);
        }
        assert_memory_equal(embedding[0], embedding[1], bytes);
        free(embedding[0]), free(embedding[1]);
    }
}

/* ---- bytes ---- */

static uint8_t *slurp(size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*size);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static void spill(const uint8_t *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static void test_truncated(void **state)
{
    (void)state;
    size_t size;
    make(SM_PRECISION_INT8);
    uint8_t *bytes = slurp(&size);
    for (size_t part = 0; part < 24; part++) {
        spill(bytes, size * part / 24);
        refused("a part of the file", "");
    }
    spill(bytes, size - 1);
    refused("all but the last byte", "");
    free(bytes);
}

/* Where the file says that a data set lies. */
static uint64_t place_of(const char *name)
{
    hid_t file = change(), id = H5Dopen2(file, name, H5P_DEFAULT);
    uint64_t place = H5Dget_offset(id);
    H5Dclose(id), H5Fclose(file);
    return place;
}

static void test_astray(void **state)
{
    (void)state;
    size_t size;
    for (enum sm_precision precision = SM_PRECISION_BF16; precision <= SM_PRECISION_INT8; precision++) {
        make(precision);
        uint64_t place = place_of(QKV);
        uint8_t *bytes = slurp(&size);
        const uint64_t astray[] = {size - 8, size, size + 4096, 1ull << 40, UINT64_MAX - 8, 1ull << 63};
        uint8_t *at = memmem(bytes, size, &place, sizeof place);
        assert_non_null(at);
        for (size_t i = 0; i < sizeof astray / sizeof *astray; i++) {
            memcpy(at, &astray[i], sizeof place);
            spill(bytes, size);
            refused("numbers beyond the file", QKV);
        }
        free(bytes);
    }
}

/* Any byte may be another: a sentence, or numbers, but no crash. */
static void test_bytes(void **state)
{
    (void)state;
    uint32_t random = 7;
    for (enum sm_precision precision = SM_PRECISION_BF16; precision <= SM_PRECISION_INT8; precision++) {
        size_t size;
        make(precision);
        uint8_t *bytes = slurp(&size);
        for (int round = 0; round < 60; round++) {
            struct sm_model *model;
            struct sm_err err = {0};
            random = random * 1664525 + 1013904223;
            size_t at = random % size;
            uint8_t kept = bytes[at];
            bytes[at] ^= (uint8_t)(1 + random / 65536 % 255);
            spill(bytes, size);
            bytes[at] = kept;
            if (sm_model_open_as(&model, path, SM_PRECISION_FLOAT32, &err) == SM_OK) {
                free(encode(model, &err));
                sm_model_close(model);
            } else {
                assert_non_null(strstr(err.message, path));
            }
        }
        free(bytes);
    }
}

int main(void)
{
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    nn_set_threads(1); /* nothing here is worth waiting for another */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tensors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_precision, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rewritten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_truncated, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_astray, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bytes, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
