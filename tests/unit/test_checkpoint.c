/* Checkpoints: tensors come out as PyTorch meant them; what is hostile or damaged is refused. The
 * checkpoints here are stream files written byte by byte; zip files come from tests/cli/convert.t.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "checkpoint/checkpoint.h"
#include "checkpoint/interpolate.h"
#include "h5/h5.h"

static char path[64];

static int make_path(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/sammed2d-test-checkpoint-%d.pth", (int)getpid());
    return 0;
}

static int remove_path(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

/* ---- writing a stream file ---- */

struct bytes {
    size_t count;
    char at[1 << 14];
};

static void add(struct bytes *bytes, const void *more, size_t count)
{
    assert_true(bytes->count + count <= sizeof bytes->at);
    memcpy(bytes->at + bytes->count, more, count);
    bytes->count += count;
}
#define ADD(bytes, literal) add(bytes, literal, sizeof(literal) - 1)

static void add_number(struct bytes *bytes, int32_t number)
{
    ADD(bytes, "J");
    add(bytes, &number, 4);
}

static void add_text(struct bytes *bytes, const char *text)
{
    uint32_t length = (uint32_t)strlen(text);
    ADD(bytes, "X");
    add(bytes, &length, 4);
    add(bytes, text, length);
}

static void add_numbers(struct bytes *bytes, const int32_t *numbers, int count)
{
    ADD(bytes, "(");
    for (int i = 0; i < count; i++)
        add_number(bytes, numbers[i]);
    ADD(bytes, "t");
}

/* A tensor of the storage "k" of `elements` elements. */
static void add_tensor(struct bytes *bytes, const char *storage, int32_t elements, int32_t offset,
                       int rank, const int32_t *size, const int32_t *stride)
{
    ADD(bytes, "ctorch._utils\n_rebuild_tensor_v2\n((");
    add_text(bytes, "storage");
    ADD(bytes, "ctorch\n");
    add(bytes, storage, strlen(storage));
    ADD(bytes, "\n");
    add_text(bytes, "k");
    add_text(bytes, "cpu");
    add_number(bytes, elements);
    ADD(bytes, "NtQ");
    add_number(bytes, offset);
    add_numbers(bytes, size, rank);
    add_numbers(bytes, stride, rank);
    ADD(bytes, "\x89"
               "ccollections\nOrderedDict\n)RtR");
}

/* The file: magic number, version, machine, `object`, the key "k", its data. */
static size_t write_stream(const struct bytes *object, const void *data, uint64_t elements,
                           size_t size)
{
    FILE *file = fopen(path, "wb");
    static const char head[] = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
                               "\x80\x02M\xe9\x03.\x80\x02}(X\x0d\0\0\0little_endian\x88u.\x80\x02";
    static const char keys[] = ".\x80\x02](X\x01\0\0\0ke.";
    assert_non_null(file);
    fwrite(head, 1, sizeof head - 1, file);
    fwrite(object->at, 1, object->count, file);
    fwrite(keys, 1, sizeof keys - 1, file);
    fwrite(&elements, 1, 8, file);
    fwrite(data, 1, size, file);
    long count = ftell(file);
    fclose(file);
    return (size_t)count;
}

static enum sm_status open_and_close(struct sm_err *err)
{
    struct checkpoint *checkpoint;
    enum sm_status status = checkpoint_open(&checkpoint, path, err);
    if (status == SM_OK)
        checkpoint_close(checkpoint);
    return status;
}

/* {"w": tensor} of 24 floats 0, 1, 2 ... */
static size_t write_one(int32_t elements, int32_t offset, int rank, const int32_t *size,
                        const int32_t *stride)
{
    struct bytes object = {0};
    float data[24];
    for (int i = 0; i < 24; i++)
        data[i] = (float)i;
    ADD(&object, "}(");
    add_text(&object, "w");
    add_tensor(&object, "FloatStorage", elements, offset, rank, size, stride);
    ADD(&object, "u");
    return write_stream(&object, data, 24, sizeof data);
}

/* ---- what must load ---- */

static void check_view(int32_t offset, const int32_t size[2], const int32_t stride[2])
{
    struct checkpoint *checkpoint;
    struct sm_err err;
    float values[24];
    write_one(24, offset, 2, size, stride);
    assert_int_equal(checkpoint_open(&checkpoint, path, &err), SM_OK);
    const struct checkpoint_tensor *tensor = checkpoint_find(checkpoint, "w");
    assert_non_null(tensor);
    assert_int_equal(tensor->count, size[0] * size[1]);
    assert_int_equal(checkpoint_read(checkpoint, tensor, values, &err), SM_OK);
    for (int i = 0; i < size[0]; i++)
        for (int j = 0; j < size[1]; j++)
            assert_true(values[i * size[1] + j] == (float)(offset + i * stride[0] + j * stride[1]));
    assert_null(checkpoint_find(checkpoint, "v"));
    checkpoint_close(checkpoint);
}

static void test_views(void **state)
{
    (void)state;
    check_view(0, (int32_t[]){4, 6}, (int32_t[]){6, 1});
    check_view(0, (int32_t[]){6, 4}, (int32_t[]){1, 6}); /* transposed */
    check_view(7, (int32_t[]){2, 3}, (int32_t[]){6, 1}); /* a part */
    check_view(1, (int32_t[]){4, 3}, (int32_t[]){6, 2}); /* every second column */
    check_view(3, (int32_t[]){2, 5}, (int32_t[]){0, 1}); /* expanded */
    check_view(23, (int32_t[]){1, 1},
               (int32_t[]){9, 9}); /* strides of 1-long sides do not matter */
    check_view(24, (int32_t[]){0, 5}, (int32_t[]){5, 1}); /* empty */
}

static void test_types(void **state)
{
    (void)state;
    static const struct {
        const char *storage;
        size_t bytes;
        const char *data;
        float first, second;
    } cases[] = {
        {"FloatStorage", 4, "\0\0\xc0\xbf\0\0\x40\x40", -1.5F, 3},
        {"DoubleStorage", 8, "\0\0\0\0\0\0\xf8\xbf\0\0\0\0\0\0\x08\x40", -1.5F, 3},
        {"HalfStorage", 2, "\0\xbe\0\x42", -1.5F, 3},
        {"BFloat16Storage", 2, "\xc0\xbf\x40\x40", -1.5F, 3},
        {"LongStorage", 8, "\xfe\xff\xff\xff\xff\xff\xff\xff\3\0\0\0\0\0\0\0", -2, 3},
        {"IntStorage", 4, "\xfe\xff\xff\xff\3\0\0\0", -2, 3},
        {"ShortStorage", 2, "\xfe\xff\3\0", -2, 3},
        {"CharStorage", 1, "\xfe\3", -2, 3},
        {"ByteStorage", 1, "\xfe\3", 254, 3},
        {"BoolStorage", 1, "\0\1", 0, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes object = {0};
        struct checkpoint *checkpoint;
        struct sm_err err;
        float values[2];
        ADD(&object, "}(");
        add_text(&object, "w");
        add_tensor(&object, cases[i].storage, 2, 0, 1, (int32_t[]){2}, (int32_t[]){1});
        ADD(&object, "u");
        write_stream(&object, cases[i].data, 2, 2 * cases[i].bytes);
        assert_int_equal(checkpoint_open(&checkpoint, path, &err), SM_OK);
        assert_int_equal(
            checkpoint_read(checkpoint, checkpoint_tensor(checkpoint, 0), values, &err), SM_OK);
        assert_true(values[0] == cases[i].first && values[1] == cases[i].second);
        checkpoint_close(checkpoint);
    }
}

/* ---- what must be refused ---- */

static void test_bad_views(void **state)
{
    (void)state;
    static const struct {
        int32_t elements, offset, size[2], stride[2];
        const char *says;
    } cases[] = {
        {24, 1, {4, 6}, {6, 1}, "outside its storage"},
        {24, -1, {4, 6}, {6, 1}, "before its storage"},
        {24, 0x7fffffff, {1, 1}, {1, 1}, "outside its storage"},
        {24, 0, {-4, 6}, {6, 1}, "negative"},
        {24, 0, {4, 6}, {-6, 1}, "negative"},
        {24, 0, {4, 6}, {7, 1}, "outside its storage"},
        {25, 0, {4, 6}, {6, 1}, "shorter than the pickle says"},
        {24, 0, {0x7fffffff, 0x7fffffff}, {0, 0}, "more elements than the file has bytes"},
        {24, 0, {0x7fffffff, 0x7fffffff}, {0x7fffffff, 0x7fffffff}, "outside its storage"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sm_err err;
        write_one(cases[i].elements, cases[i].offset, 2, cases[i].size, cases[i].stride);
        assert_int_equal(open_and_close(&err), SM_CORRUPT);
        assert_non_null(strstr(err.message, cases[i].says));
        assert_non_null(strstr(err.message, "\"w\""));
    }
}

static void test_calls_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *pickle;
        size_t count;
        const char *says;
    } cases[] = {
#define CASE(pickle, says) {pickle, sizeof(pickle) - 1, says}
        CASE("cposix\nsystem\nX\2\0\0\0id\x85R", "posix.system"),
        CASE("(S'id'\nios\nsystem\n", "os.system"),
        CASE("(cbuiltins\neval\nS'1'\no", "builtins.eval"),
        CASE("cbuiltins\nexec\n)\x81", "builtins.exec"),
        CASE("csubprocess\nPopen\n)}\x92", "subprocess.Popen"),
        CASE("\x8c\x05posix\x8c\x06system\x93)R", "posix.system"),
        CASE("ctorch._tensor\n_rebuild_from_type_v2\n(cposix\nsystem\ncx\ny\n)NtR", "posix.system"),
        CASE("ctorch.hub\nload\n)R", "torch.hub.load"),
        CASE("ctorch\nload\n)R", "torch.load"),
        CASE("]K\1\x85R", "an object of its own"),
        CASE("(X\6\0\0\0moduleK\1K\2K\3K\4tQ", "whole Python object"),
        CASE("\x82\1", "opcode 0x82"),
#undef CASE
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes object = {0};
        struct sm_err err;
        ADD(&object, "}X\1\0\0\0x");
        add(&object, cases[i].pickle, cases[i].count);
        ADD(&object, "s");
        write_stream(&object, "", 0, 0);
        assert_int_equal(open_and_close(&err), SM_UNSUPPORTED);
        assert_non_null(strstr(err.message, cases[i].says));
    }
}

static void test_greed_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *pickle;
        size_t count;
    } cases[] = {
#define CASE(pickle) {pickle, sizeof(pickle) - 1}
        CASE("]r\xff\xff\xff\xff"), /* memo of 32 GB */
        CASE("X\xff\xff\xff\xff"),  /* text of 4 GB */
        CASE("\x8d\xff\xff\xff\xff\xff\xff\xff\xff"),
        CASE("\x8b\xff\xff\xff\x7f"),
        CASE("t"),
        CASE("R"),
        CASE("("),
        CASE("h\0"),
        CASE("u"),
        CASE("(K\1u"),
        CASE("}K\1K\2e"),
        CASE("((o"),
        CASE("(o"),
        CASE("\x86"),
        CASE("(\x85"),
        CASE("00000"),
        CASE(")R"),
        CASE("b"),
        CASE("c\n"),
        CASE("J\1"),
        CASE("Q"),
#undef CASE
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes object = {0};
        struct sm_err err = {0};
        add(&object, cases[i].pickle, cases[i].count);
        write_stream(&object, "", 0, 0);
        assert_int_not_equal(open_and_close(&err), SM_OK);
        assert_non_null(strstr(err.message, path));
    }
}

/* A small file whose memo doubles a list again and again stays within its budget. */
static void test_bombs(void **state)
{
    (void)state;
    static struct bytes object;
    struct sm_err err;
    object.count = 0;
    ADD(&object, "]q\0");
    while (object.count < 16000)
        ADD(&object, "]]]]"); /* 32 bytes of values for each */
    write_stream(&object, "", 0, 0);
    assert_int_not_equal(open_and_close(&err), SM_OK);
}

static void test_cut_and_flipped(void **state)
{
    (void)state;
    size_t size = write_one(24, 0, 2, (int32_t[]){4, 6}, (int32_t[]){6, 1});
    char *good = malloc(size);
    FILE *file = fopen(path, "rb");
    assert_non_null(good);
    assert_int_equal(fread(good, 1, size, file), size);
    fclose(file);
    struct sm_err err;
    for (size_t cut = 0; cut < size; cut++) {
        file = fopen(path, "wb");
        fwrite(good, 1, cut, file);
        fclose(file);
        assert_int_not_equal(open_and_close(&err), SM_OK);
    }
    for (size_t place = 0; place < size; place++) { /* no crash, whatever it says */
        good[place] ^= 0x15;
        file = fopen(path, "wb");
        fwrite(good, 1, size, file);
        fclose(file);
        open_and_close(&err);
        good[place] ^= 0x15;
    }
    free(good);
}

/* ---- ../shared/golden ---- */

static void test_noncontiguous_golden(void **state)
{
    (void)state;
    static const char pth[] = "../shared/golden/checkpoints/noncontiguous.pth";
    struct checkpoint *checkpoint;
    struct h5 *expected;
    struct sm_err err;
    if (access(pth, R_OK) != 0)
        skip(); /* ../shared is not there */
    assert_int_equal(checkpoint_open(&checkpoint, pth, &err), SM_OK);
    assert_int_equal(
        h5_open(&expected, "../shared/golden/checkpoints/noncontiguous_expected.h5", &err), SM_OK);
    assert_int_equal(checkpoint_count(checkpoint), 18);
    for (size_t i = 0; i < checkpoint_count(checkpoint); i++) {
        const struct checkpoint_tensor *tensor = checkpoint_tensor(checkpoint, i);
        float found[128], wanted[128];
        struct h5_shape shape;
        assert_int_equal(checkpoint_read(checkpoint, tensor, found, &err), SM_OK);
        if (strcmp(tensor->name, "bool") == 0) { /* numpy's bool is an enumeration in HDF5 */
            assert_true(found[0] == 1 && found[1] == 0 && found[2] == 1);
            continue;
        }
        assert_int_equal(h5_shape(expected, tensor->name, &shape, &err), SM_OK);
        if (tensor->rank == 0) { /* the scalar was written as an array of one */
            assert_int_equal(shape.rank, 1);
            shape.rank = 0;
        }
        assert_int_equal(shape.rank, tensor->rank);
        assert_memory_equal(shape.dim, tensor->dim, (size_t)shape.rank * sizeof *shape.dim);
        assert_int_equal(h5_read_floats(expected, tensor->name, wanted, tensor->count, &err),
                         SM_OK);
        if (tensor->count > 0)
            assert_memory_equal(found, wanted, (size_t)tensor->count * sizeof *found);
    }
    h5_close(expected);
    checkpoint_close(checkpoint);
}

static void test_golden_outcomes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum sm_status status;
        size_t tensors;
        const char *says;
    } cases[] = {
        {"tiny_half", SM_OK, 186, ""},
        {"tiny_state_dict", SM_OK, 104, ""},
        {"tiny_legacy", SM_OK, 60, ""},
        {"tiny_train_state", SM_OK, 66, ""},
        {"evil_global", SM_UNSUPPORTED, 0, "posix.system"},
        {"evil_global_legacy", SM_UNSUPPORTED, 0, "posix.system"},
        {"truncated", SM_CORRUPT, 0, "cut short"},
        {"bad_offset", SM_CORRUPT, 0, "outside its storage"},
        {"bad_size", SM_CORRUPT, 0, "outside its storage"},
        {"negative_offset", SM_CORRUPT, 0, "before its storage"},
        {"short_storage", SM_CORRUPT, 0, "shorter than the pickle says"},
        {"missing_storage", SM_CORRUPT, 0, "not in the file"},
        {"huge_shape", SM_CORRUPT, 0, "more elements than the file has bytes"},
    };
    if (access("../shared/golden/checkpoints", R_OK) != 0)
        skip(); /* ../shared is not there */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char file[128];
        struct checkpoint *checkpoint;
        struct sm_err err = {0};
        snprintf(file, sizeof file, "../shared/golden/checkpoints/%s.pth", cases[i].name);
        enum sm_status status = checkpoint_open(&checkpoint, file, &err);
        if (status != cases[i].status)
            fail_msg("%s: status %d, %s", cases[i].name, status, err.message);
        if (status == SM_OK) {
            assert_int_equal(checkpoint_count(checkpoint), cases[i].tensors);
            checkpoint_close(checkpoint);
        } else {
            assert_non_null(strstr(err.message, cases[i].says));
        }
    }
}

/* ---- interpolation ---- */

static bool block_7_is_not_global(void *context, int block)
{
    (void)context;
    return block != 7;
}

static void test_interpolation(void **state)
{
    (void)state;
    float out[16];
    interpolate_bilinear(out, 4, 1, (float[]){0, 1}, 2, 1, 1);
    assert_true(out[0] == 0 && out[1] == 0.25F && out[2] == 0.75F && out[3] == 1);
    interpolate_bilinear(out, 1, 2, (float[]){0, 10, 1, 11, 2, 12, 3, 13}, 2, 2, 2);
    assert_true(out[0] == 1 && out[1] == 11 && out[2] == 2 && out[3] == 12);
    assert_int_equal(interpolation_of("image_encoder.pos_embed", NULL, NULL), INTERPOLATE_SIDES);
    assert_int_equal(interpolation_of("image_encoder.blocks.12.attn.rel_pos_w", NULL, NULL),
                     INTERPOLATE_ROWS);
    assert_int_equal(
        interpolation_of("image_encoder.blocks.7.attn.rel_pos_h", block_7_is_not_global, NULL),
        INTERPOLATE_NEVER);
    assert_int_equal(interpolation_of("image_encoder.blocks.7.attn.rel_pos_hx", NULL, NULL),
                     INTERPOLATE_NEVER);
    assert_int_equal(interpolation_of("image_encoder.blocks.7.attn.qkv.bias", NULL, NULL),
                     INTERPOLATE_NEVER);
}

int main(void)
{
#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, make_path, remove_path)
    const struct CMUnitTest tests[] = {
        WITH_FILE(test_views),
        WITH_FILE(test_types),
        WITH_FILE(test_bad_views),
        WITH_FILE(test_calls_are_refused),
        WITH_FILE(test_greed_is_refused),
        WITH_FILE(test_bombs),
        WITH_FILE(test_cut_and_flipped),
        cmocka_unit_test(test_noncontiguous_golden),
        cmocka_unit_test(test_golden_outcomes),
        cmocka_unit_test(test_interpolation),
    };
    return cmocka_run_group_tests_name("checkpoint", tests, NULL, NULL);
}
