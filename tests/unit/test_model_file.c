/* Weights files and configurations: what is right opens, what is wrong is named. */
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
#include "lib/hash_weights.h"
#include "lib/small_model.h"
#include "model/config.h"

/* libhdf5 1.10 itself loses a few hundred bytes when it gives up on some damaged files. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5";
}

static char path[64];

static int set_up(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/sammed2d-test-model-%d.h5", (int)getpid());
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

/* The rule's own examples, from the README of the golden files. */
static void test_hash_rule(void **state)
{
    (void)state;
    assert_true(hash_mix(1) == 0x5692161D100B05E5);
    assert_true(hash_mix(0x9E3779B97F4A7C15) == 0xE220A8397B1DCDAF);
    assert_true(hash_name("image_encoder.pos_embed") == 0xA4072EC91EBCD2B3);
    float *values = malloc(64 * 64 * 16 * sizeof *values);
    hash_fill(values, "image_encoder.blocks.0.attn.qkv.weight", 2, (int64_t[]){192, 64}, 20240618);
    assert_true(values[0] == -0.0468331762f && values[192 * 64 - 1] == -0.324640751f);
    hash_fill(values, "image_encoder.blocks.0.Adapter.spatial.2.weight", 4,
              (int64_t[]){64, 64, 4, 4}, 20240618);
    assert_true(values[1] == 0.035245534f);
    hash_fill(values, "image_encoder.blocks.0.norm1.weight", 1, (int64_t[]){64}, 20240618);
    assert_true(values[0] == 1.03624344f && values[63] == 0.96936506f);
    free(values);
}

static void encode(const struct sm_model *model, float *embedding)
{
    struct sm_session *session;
    uint8_t pixels[20 * 30];
    struct sm_picture picture = {20, 30, 1, pixels};
    for (int i = 0; i < 600; i++)
        pixels[i] = (uint8_t)(i * 7);
    assert_int_equal(sm_session_open(&session, model, 1, 1, NULL), SM_OK);
    assert_int_equal(sm_encode(session, &picture, 1, embedding, NULL), SM_OK);
    sm_session_close(session);
}

static void test_open(void **state)
{
    (void)state;
    struct sm_config config = small_config();
    struct sm_err err = {0};
    struct sm_model *model, *made = small_model(&config);
    size_t count = sm_embedding_floats(&config);
    float *a = malloc(count * sizeof *a), *b = malloc(count * sizeof *b);
    assert_non_null(made);
    assert_true(small_file(path, &config, NULL));
    assert_int_equal(sm_model_open(&model, path, &err), SM_OK);
    assert_string_equal(sm_model_config(model)->name, "small");
    assert_int_equal(sm_model_config(model)->orientation, SM_ORIENT_STORED);
    assert_int_equal(sm_model_config(model)->normalization.mode, SM_WINDOW_MINMAX);
    encode(made, a);
    encode(model, b);
    assert_memory_equal(a, b, count * sizeof *a);
    sm_model_close(model);

    assert_true(small_file(path, &config, &(struct small_flaw){.half = true}));
    assert_int_equal(sm_model_open(&model, path, &err), SM_OK);
    encode(model, b);
    double worst = 0;
    for (size_t i = 0; i < count; i++)
        worst = fmax(worst, fabs((double)a[i] - b[i]));
    assert_true(worst > 0 && worst < 0.1);
    sm_model_close(model);
    sm_model_close(made);
    free(a);
    free(b);
}

/* Opens the file with this flaw: SM_WEIGHTS, and the message has the file's and the flaw's name. */
static void refuse(const struct small_flaw *flaw, const char *named)
{
    struct sm_config config = small_config();
    struct sm_model *model;
    struct sm_err err = {0};
    assert_true(small_file(path, &config, flaw));
    assert_int_equal(sm_model_open(&model, path, &err), SM_WEIGHTS);
    assert_null(model);
    assert_int_equal(err.status, SM_WEIGHTS);
    assert_non_null(strstr(err.message, path));
    if (!strstr(err.message, named))
        fail_msg("\"%s\" does not name %s", err.message, named);
}

static void test_flaws(void **state)
{
    (void)state;
    static const char *const absent[] = {
        "format_version", "depth", "global_attn_indexes", "orientation", "mask_prompt",
        "image_encoder.blocks.1.attn.rel_pos_w", "mask_decoder.iou_token.weight",
        "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        refuse(&(struct small_flaw){.without = absent[i]}, absent[i]);
    static const struct {
        const char *name;
        long long value;
    } numbers[] = {{"format_version", 2},       {"image_size", 0},
                   {"image_size", 72057594037927936}, {"patch_size", -16},
                   {"embed_dim", 17},           {"num_heads", 0},
                   {"num_heads", 5},            {"depth", 65},
                   {"window_size", 0},          {"prompt_dim", 36},
                   {"mask_tokens", 16},         {"adapter", 2},
                   {"adapter_hidden", 0},       {"decoder_heads", 3},
                   {"decoder_downsample", 0},   {"iou_head_depth", 17},
                   {"global_attn_indexes", -1}, {"global_attn_indexes", 2},
                   {"pixel_std", 0},            {"mirrors", 3},
                   {"mirrors", -2},             {"mirrors", 4294967300}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        refuse(&(struct small_flaw){.number = numbers[i].name, .value = numbers[i].value},
               numbers[i].name);
    refuse(&(struct small_flaw){.text = "zoom", .content = "2.5"}, "zoom is no number");
    static const char *const texts[] = {"normalization", "orientation", "resize", "mask_prompt"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        refuse(&(struct small_flaw){.text = texts[i], .content = "sideways"}, "sideways");
    refuse(&(struct small_flaw){.text = "normalization", .content = "40,-1"}, "40,-1");
    refuse(&(struct small_flaw){.shape = "image_encoder.neck.0.weight"},
           "image_encoder.neck.0.weight has shape (32, 16, 1, 2), expected (32, 16, 1, 1)");
    refuse(&(struct small_flaw){.nan = "mask_decoder.mask_tokens.weight"},
           "mask_decoder.mask_tokens.weight");
    /* The configuration promises more than the tensors hold. */
    refuse(&(struct small_flaw){.number = "image_size", .value = 2048}, "image_encoder.pos_embed");
    refuse(&(struct small_flaw){.number = "depth", .value = 3}, "image_encoder.blocks.2");
}

static void test_window(void **state)
{
    (void)state;
    struct sm_config config = small_config();
    struct small_flaw flaw = {.text = "normalization", .content = "40,400"};
    struct sm_model *model;
    assert_true(small_file(path, &config, &flaw));
    assert_int_equal(sm_model_open(&model, path, NULL), SM_OK);
    assert_int_equal(sm_model_config(model)->normalization.mode, SM_WINDOW_CENTER_WIDTH);
    assert_true(sm_model_config(model)->normalization.center == 40);
    assert_true(sm_model_config(model)->normalization.width == 400);
    sm_model_close(model);
}

/* A truncated file, and one with bytes changed, is refused or opens; it never crashes. */
static void test_damage(void **state)
{
    (void)state;
    struct sm_config config = small_config();
    struct sm_model *model;
    struct sm_err err;
    assert_true(small_file(path, &config, NULL));
    FILE *file = fopen(path, "rb");
    static char bytes[4 << 20];
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    for (int round = 0; round < 60; round++) {
        size_t keep = round < 20 ? size * (size_t)round / 20 : size;
        file = fopen(path, "wb");
        fwrite(bytes, 1, keep, file);
        if (round >= 20) { /* 64 damaged bytes somewhere in the first 64 kB, where the structure is */
            fseek(file, (long)(hash_mix((uint64_t)round) % 65536), SEEK_SET);
            for (int i = 0; i < 64; i++)
                fputc((int)(hash_mix((uint64_t)(round * 64 + i)) & 255), file);
        }
        fclose(file);
        enum sm_status status = sm_model_open(&model, path, &err);
        assert_true(status == SM_WEIGHTS || (status == SM_OK && round >= 20));
        if (status == SM_OK)
            sm_model_close(model);
    }
    assert_int_equal(sm_model_open(&model, "/nowhere/at/all.h5", &err), SM_WEIGHTS);
    assert_non_null(strstr(err.message, "/nowhere/at/all.h5"));
}

static void test_presets(void **state)
{
    (void)state;
    struct sm_config c;
    assert_true(config_preset(&c, "vit_h", 1024, false));
    assert_int_equal(c.embed_dim, 1280);
    for (int i = 0; i < 32; i++)
        assert_int_equal(c.global_attn[i], i == 7 || i == 15 || i == 23 || i == 31);
    assert_int_equal(config_check(&c, "", NULL), SM_OK);
    assert_true(config_preset(&c, "vit_l", 256, true));
    assert_true(c.global_attn[5] && c.global_attn[23] && c.adapter_hidden == 256);
    assert_true(config_preset(&c, "vit_b", 256, true));
    assert_true(c.global_attn[2] && c.global_attn[11] && !c.global_attn[7]);
    assert_false(config_preset(&c, "vit_x", 256, true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash_rule), cmocka_unit_test(test_open),
        cmocka_unit_test(test_flaws),     cmocka_unit_test(test_window),
        cmocka_unit_test(test_damage),    cmocka_unit_test(test_presets),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
