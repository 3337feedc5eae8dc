/* h5: what is written is read back; what is damaged or foreign is refused with SM_WEIGHTS. */
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
#include "base/half.h"
#include "h5/h5.h"

static char path[64];

static int make_path(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/sammed2d-test-h5-%d.h5", (int)getpid());
    return 0;
}

static int remove_path(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static void make_trap(const char *kind);

static const float values[6] = {0, 1, -2.5F, 65504, 1e-7F, 1.0F / 3};

static void write_sample(void)
{
    struct sm_err err;
    struct h5_out *out;
    struct h5_shape shape = {2, {2, 3}, H5_FLOAT32, ""};
    unlink(path);
    assert_int_equal(h5_create(&out, path, &err), SM_OK);
    assert_int_equal(h5_write_floats(out, "a.b.0.weight", values, &shape, &err), SM_OK);
    shape.type = H5_FLOAT16;
    assert_int_equal(h5_write_floats(out, "group/inner/half", values, &shape, &err), SM_OK);
    shape.type = H5_BFLOAT16;
    assert_int_equal(h5_write_floats(out, "group/brain", values, &shape, &err), SM_OK);
    struct h5_shape scalar = {0, {0}, H5_FLOAT32, ""};
    assert_int_equal(h5_write_floats(out, "scalar", values + 2, &scalar, &err), SM_OK);
    struct h5_shape empty = {2, {0, 5}, H5_FLOAT32, ""};
    assert_int_equal(h5_write_floats(out, "empty", values, &empty, &err), SM_OK);
    assert_int_equal(h5_set_int(out, "depth", 12, &err), SM_OK);
    assert_int_equal(h5_set_ints(out, "blocks", (int[]){2, 5, -1}, 3, &err), SM_OK);
    assert_int_equal(h5_set_double(out, "mean", (double[]){0.5, 1e300}, 2, &err), SM_OK);
    assert_int_equal(h5_set_text(out, "name", "caf\xc3\xa9", &err), SM_OK);
    assert_int_equal(h5_set_text(out, "nothing", "", &err), SM_OK);
    assert_int_equal(access(path, F_OK), -1); /* not there before it is whole */
    assert_int_equal(h5_commit(out, &err), SM_OK);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct sm_err err;
    struct h5 *file;
    struct h5_shape shape;
    float read[6];
    write_sample();
    assert_int_equal(h5_open(&file, path, &err), SM_OK);
    assert_string_equal(h5_path(file), path);
    assert_true(h5_has(file, "a.b.0.weight"));
    assert_false(h5_has(file, "a.b.0"));
    assert_false(h5_has(file, "group"));
    assert_int_equal(h5_shape(file, "a.b.0.weight", &shape, &err), SM_OK);
    assert_int_equal(shape.rank, 2);
    assert_int_equal(shape.dim[1], 3);
    assert_int_equal(shape.type, H5_FLOAT32);
    assert_int_equal(h5_read_floats(file, "a.b.0.weight", read, 6, &err), SM_OK);
    assert_memory_equal(read, values, sizeof values);
    assert_int_equal(h5_read_floats(file, "group/inner/half", read, 6, &err), SM_OK);
    for (int i = 0; i < 6; i++)
        assert_true(read[i] == half_to_float(half_from_float(values[i])));
    assert_int_equal(h5_shape(file, "group/brain", &shape, &err), SM_OK);
    assert_int_equal(shape.type, H5_BFLOAT16);
    assert_int_equal(h5_read_floats(file, "group/brain", read, 6, &err), SM_OK);
    for (int i = 0; i < 6; i++)
        assert_true(read[i] == bfloat_to_float(bfloat_from_float(values[i])));
    assert_int_equal(h5_read_floats(file, "scalar", read, 1, &err), SM_OK);
    assert_true(read[0] == -2.5F);
    assert_int_equal(h5_read_floats(file, "empty", read, 0, &err), SM_OK);
    assert_int_equal(h5_read_floats(file, "a.b.0.weight", read, 5, &err), SM_WEIGHTS);
    assert_int_equal(h5_read_floats(file, "absent", read, 5, &err), SM_WEIGHTS);
    h5_close(file);
}

/* What can be used where it lies is what reading gives, one's own to write to, and stays when the file is
 * closed; everything else is not offered. */
static void test_map(void **state)
{
    (void)state;
    enum { MANY = 5000 };
    static float large[MANY];
    struct sm_err err;
    struct h5_out *out;
    struct h5 *file;
    struct h5_map map;
    for (int i = 0; i < MANY; i++)
        large[i] = (float)i / 3;
    assert_int_equal(h5_create(&out, path, &err), SM_OK);
    struct h5_shape shape = {1, {MANY}, H5_FLOAT32, ""};
    assert_int_equal(h5_write_floats(out, "large", large, &shape, &err), SM_OK);
    shape.type = H5_FLOAT16;
    assert_int_equal(h5_write_floats(out, "half", large, &shape, &err), SM_OK);
    assert_int_equal(h5_commit(out, &err), SM_OK);
    assert_int_equal(h5_open(&file, path, &err), SM_OK);
    assert_int_equal(h5_map(file, &map, &err), SM_OK);
    float *placed = h5_mapped_floats(file, &map, "large", MANY, "");
    assert_non_null(placed);
    assert_int_equal((uintptr_t)placed % 64, 0);
    assert_null(h5_mapped_floats(file, &map, "large", MANY - 1, ""));
    assert_null(h5_mapped_floats(file, &map, "half", MANY, ""));
    assert_null(h5_mapped_floats(file, &map, "absent", MANY, ""));
    h5_close(file);
    assert_memory_equal(placed, large, sizeof large);
    h5_map_forget(placed, MANY);
    assert_memory_equal(placed, large, sizeof large);
    placed[7] = -1;
    assert_true(placed[7] == -1);
    h5_unmap(&map);
    h5_unmap(&map);

    float read[MANY];
    assert_int_equal(h5_open(&file, path, &err), SM_OK);
    assert_int_equal(h5_read_floats(file, "large", read, MANY, &err), SM_OK);
    assert_memory_equal(read, large, sizeof large); /* nobody else saw the -1 */
    h5_close(file);
    make_trap("external");
    assert_int_equal(h5_open(&file, path, &err), SM_OK);
    assert_int_equal(h5_map(file, &map, &err), SM_OK);
    assert_null(h5_mapped_floats(file, &map, "trap", 16, ""));
    h5_close(file);
    h5_unmap(&map);
}

/* Stored in another order of axes, read and described in PyTorch's; used in place only by who wants that order. */
static void test_axes(void **state)
{
    (void)state;
    enum { A = 2, B = 3, C = 4, D = 5, COUNT = A * B * C * D };
    float written[COUNT], read[COUNT];
    struct sm_err err;
    struct h5_out *out;
    struct h5 *file;
    struct h5_map map;
    struct h5_shape shape = {4, {A, B, C, D}, H5_FLOAT32, "0231"}, found;
    for (int i = 0; i < COUNT; i++)
        written[i] = (float)i;
    assert_int_equal(h5_create(&out, path, &err), SM_OK);
    assert_int_equal(h5_write_floats(out, "turned", written, &shape, &err), SM_OK);
    strcpy(shape.axes, "2310");
    shape.type = H5_FLOAT16;
    assert_int_equal(h5_write_floats(out, "half", written, &shape, &err), SM_OK);
    strcpy(shape.axes, "0221");
    assert_int_equal(h5_write_floats(out, "wrong", written, &shape, &err), SM_USAGE);
    assert_int_equal(h5_commit(out, &err), SM_OK);
    assert_int_equal(h5_open(&file, path, &err), SM_OK);
    static const char *const names[] = {"turned", "half"};
    for (int n = 0; n < 2; n++) {
        assert_int_equal(h5_shape(file, names[n], &found, &err), SM_OK);
        assert_memory_equal(found.dim, shape.dim, 4 * sizeof *shape.dim);
        memset(read, 0, sizeof read);
        assert_int_equal(h5_read_floats(file, names[n], read, COUNT, &err), SM_OK);
        assert_memory_equal(read, written, sizeof read);
    }
    assert_int_equal(h5_map(file, &map, &err), SM_OK);
    assert_null(h5_mapped_floats(file, &map, "turned", COUNT, ""));
    assert_null(h5_mapped_floats(file, &map, "turned", COUNT, "2310"));
    const float *placed = h5_mapped_floats(file, &map, "turned", COUNT, "0231");
    assert_non_null(placed);
    for (int a = 0; a < A; a++)
        for (int b = 0; b < B; b++)
            for (int c = 0; c < C; c++)
                for (int d = 0; d < D; d++)
                    assert_true(placed[((a * C + c) * D + d) * B + b] == written[((a * B + b) * C + c) * D + d]);
    h5_unmap(&map);
    h5_close(file);
}

static void test_attributes(void **state)
{
    (void)state;
    struct sm_err err;
    struct h5 *file;
    int64_t number, numbers[4];
    double doubles[4];
    char text[8];
    write_sample();
    assert_int_equal(h5_open(&file, path, &err), SM_OK);
    assert_true(h5_attr_int(file, NULL, "depth", &number));
    assert_int_equal(number, 12);
    assert_int_equal(h5_attr_ints(file, NULL, "blocks", numbers, 4), 3);
    assert_int_equal(numbers[2], -1);
    assert_int_equal(h5_attr_ints(file, NULL, "blocks", numbers, 2), 3);
    assert_int_equal(h5_attr_doubles(file, NULL, "mean", doubles, 4), 2);
    assert_true(doubles[1] == 1e300);
    assert_int_equal(h5_attr_doubles(file, NULL, "depth", doubles, 4), 1);
    assert_true(doubles[0] == 12);
    assert_true(h5_attr_text(file, NULL, "name", text, sizeof text));
    assert_string_equal(text, "caf\xc3\xa9");
    assert_false(h5_attr_text(file, NULL, "name", text, 5));
    assert_true(h5_attr_text(file, NULL, "nothing", text, sizeof text));
    assert_string_equal(text, "");
    assert_false(h5_attr_int(file, NULL, "name", &number));
    assert_false(h5_attr_int(file, NULL, "absent", &number));
    assert_false(h5_attr_int(file, NULL, "blocks", &number));
    assert_false(h5_attr_text(file, NULL, "depth", text, sizeof text));
    assert_int_equal(h5_attr_doubles(file, "absent", "x", doubles, 4), -1);
    h5_close(file);
}

static int collect(void *context, const char *name)
{
    strcat(context, name);
    strcat(context, " ");
    return strcmp(name, "group/brain") == 0 ? 7 : 0;
}

static void test_each(void **state)
{
    (void)state;
    struct sm_err err;
    struct h5 *file;
    char names[256] = "";
    write_sample();
    assert_int_equal(h5_open(&file, path, &err), SM_OK);
    assert_int_equal(h5_each(file, "", collect, names), 7);
    assert_string_equal(names, "a.b.0.weight empty group/brain ");
    names[0] = 0;
    assert_int_equal(h5_each(file, "group/inner", collect, names), 0);
    assert_string_equal(names, "group/inner/half ");
    assert_int_equal(h5_each(file, "scalar", collect, names), -1);
    assert_int_equal(h5_each(file, "absent", collect, names), -1);
    h5_close(file);
}

static char *slurp(size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*size);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static void spill(const char *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static void test_same_bytes_each_time(void **state)
{
    (void)state;
    size_t first_size, second_size;
    write_sample();
    char *first = slurp(&first_size);
    sleep(1); /* a time stored anywhere would differ */
    write_sample();
    char *second = slurp(&second_size);
    assert_int_equal(first_size, second_size);
    assert_memory_equal(first, second, first_size);
    free(first);
    free(second);
}

/* Opens and reads whatever there is; only the absence of crashes is judged. */
static int read_any(void *context, const char *name)
{
    const struct h5 *file = context;
    struct h5_shape shape;
    if (h5_shape(file, name, &shape, NULL) != SM_OK)
        return 0;
    int64_t count = h5_count(&shape);
    float *out = malloc((size_t)count * sizeof *out + 1);
    assert_non_null(out);
    h5_read_floats(file, name, out, count, NULL);
    free(out);
    return 0;
}

static void read_everything(void)
{
    struct sm_err err = {0};
    struct h5 *file;
    enum sm_status status = h5_open(&file, path, &err);
    if (status) {
        assert_int_equal(status, SM_WEIGHTS);
        assert_non_null(strstr(err.message, path));
        return;
    }
    int64_t number;
    char text[64];
    h5_attr_int(file, NULL, "depth", &number);
    h5_attr_text(file, NULL, "name", text, sizeof text);
    h5_each(file, "", read_any, file);
    h5_close(file);
}

static void test_damaged(void **state)
{
    (void)state;
    size_t size;
    write_sample();
    char *good = slurp(&size), *bad = malloc(size);
    assert_non_null(bad);
    for (size_t cut = 0; cut < size; cut += 61) {
        spill(good, cut);
        read_everything();
    }
    for (size_t place = 0; place < size; place += 7) {
        memcpy(bad, good, size);
        bad[place] = (char)(bad[place] ^ (0x11 << place % 4));
        spill(bad, size);
        read_everything();
    }
    free(good);
    free(bad);
}

static void test_foreign(void **state)
{
    (void)state;
    struct sm_err err;
    struct h5 *file;
    spill("PK\3\4 this is a zip", 18);
    assert_int_equal(h5_open(&file, path, &err), SM_WEIGHTS);
    assert_non_null(strstr(err.message, "not an HDF5 file"));
    assert_int_equal(h5_open(&file, "/absent/weights.h5", &err), SM_WEIGHTS);
    assert_int_equal(h5_open(&file, "/tmp", &err), SM_WEIGHTS);
}

/* One data set that HDF5 itself would go far for. */
static void make_trap(const char *kind)
{
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
    hsize_t dims[2] = {1 << 20, 1 << 20}, small[2] = {4, 4};
    bool huge = strcmp(kind, "huge") == 0 || strcmp(kind, "huge chunk") == 0;
    if (strcmp(kind, "external") == 0)
        H5Pset_external(plist, "/etc/passwd", 0, 64);
    if (strcmp(kind, "huge") == 0)
        H5Pset_chunk(plist, 2, (hsize_t[]){64, 64});
    if (strcmp(kind, "huge chunk") == 0)
        H5Pset_chunk(plist, 2, (hsize_t[]){1 << 14, 1 << 14});
    if (strcmp(kind, "fletcher") == 0) {
        H5Pset_chunk(plist, 2, small);
        H5Pset_fletcher32(plist);
    }
    hid_t space = H5Screate_simple(2, huge ? dims : small, NULL);
    hid_t set = H5Dcreate2(file, "trap", H5T_IEEE_F32LE, space, H5P_DEFAULT, plist, H5P_DEFAULT);
    assert_true(set >= 0);
    H5Dclose(set);
    H5Lcreate_soft("/trap", file, "soft", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_external("/etc/other.h5", "/x", file, "elsewhere", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_hard(file, "/", file, "circle", H5P_DEFAULT, H5P_DEFAULT);
    H5Sclose(space);
    H5Pclose(plist);
    H5Fclose(file);
}

static void test_traps(void **state)
{
    (void)state;
    static const char *const kinds[] = {"huge", "huge chunk", "external", "fletcher"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct sm_err err;
        struct h5 *file;
        struct h5_shape shape;
        make_trap(kinds[i]);
        assert_int_equal(h5_open(&file, path, &err), SM_OK);
        assert_int_equal(h5_shape(file, "trap", &shape, &err), SM_WEIGHTS);
        assert_false(h5_has(file, "soft"));
        assert_false(h5_has(file, "elsewhere"));
        assert_false(h5_has(file, "../trap"));
        h5_each(file, "", read_any, file); /* the circle ends */
        h5_close(file);
    }
}

static void test_unwritable(void **state)
{
    (void)state;
    struct sm_err err;
    struct h5_out *out;
    assert_int_equal(h5_create(&out, "/absent/dir/x.h5", &err), SM_OUTPUT);
    assert_int_equal(h5_create(&out, "/tmp", &err), SM_OUTPUT);
    write_sample();
    size_t before, after;
    char *first = slurp(&before);
    assert_int_equal(h5_create(&out, path, &err), SM_OK);
    h5_discard(out);
    char *second = slurp(&after);
    assert_int_equal(before, after);
    assert_memory_equal(first, second, before);
    free(first);
    free(second);
}

/* Every 16-bit value survives widening and narrowing; ties go to even. */
static void test_half(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 65536; bits++) {
        uint16_t value = (uint16_t)bits;
        if ((bits & 0x7fff) <= 0x7c00)
            assert_int_equal(half_from_float(half_to_float(value)), value);
        if ((bits & 0x7fff) <= 0x7f80)
            assert_int_equal(bfloat_from_float(bfloat_to_float(value)), value);
    }
    assert_int_equal(half_from_float(65519.996F), 0x7bff);
    assert_int_equal(half_from_float(65520.0F), 0x7c00);
    assert_int_equal(half_from_float(1.0F + 0x1p-11F), 0x3c00);
    assert_int_equal(half_from_float(1.0F + 0x3p-11F), 0x3c02);
    assert_int_equal(half_from_float(0x1p-25F), 0);
    assert_int_equal(half_from_float(0x1.8p-24F), 2);
    assert_true(half_to_float(0x7e00) != half_to_float(0x7e00));
    assert_int_equal(bfloat_from_float(1.0F + 0x1p-8F), 0x3f80);
    assert_int_equal(bfloat_from_float(1.0F + 0x3p-8F), 0x3f82);
}

int main(void)
{
#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, make_path, remove_path)
    const struct CMUnitTest tests[] = {
        WITH_FILE(test_round_trip), WITH_FILE(test_attributes),
        WITH_FILE(test_each),       WITH_FILE(test_same_bytes_each_time),
        WITH_FILE(test_damaged),    WITH_FILE(test_foreign),
        WITH_FILE(test_traps),      WITH_FILE(test_unwritable),
        cmocka_unit_test(test_half), WITH_FILE(test_map), WITH_FILE(test_axes)};
    return cmocka_run_group_tests_name("h5", tests, NULL, NULL);
}
