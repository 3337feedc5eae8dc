/* Errors, the arena, digests, JSON, and files that appear whole or not at all. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/arena.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/output.h"
#include "sammed2d/listener.h"

static char directory[] = "/tmp/sammed2d-test-XXXXXX";
static char path_buffer[4][256];

/* directory/name, in one of four buffers in turn */
static const char *in(const char *name)
{
    static int turn;
    char *path = path_buffer[turn++ % 4];
    snprintf(path, sizeof path_buffer[0], "%s/%s", directory, name);
    return path;
}

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void assert_holds(const char *path, const char *text)
{
    char bytes[256] = "";
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    bytes[fread(bytes, 1, sizeof bytes - 1, file)] = 0;
    fclose(file);
    assert_string_equal(bytes, text);
}

static int files_in_directory(void)
{
    int files = 0;
    DIR *dir = opendir(directory);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        files += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(dir);
    return files;
}

static int make_directory(void **state)
{
    (void)state;
    strcpy(directory + strlen(directory) - 6, "XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
    (void)state;
    DIR *dir = opendir(directory);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (entry->d_name[0] != '.' || strlen(entry->d_name) > 2)
            remove(in(entry->d_name));
    if (dir)
        closedir(dir);
    return rmdir(directory);
}

static void errors_are_sentences(void **state)
{
    (void)state;
    struct sm_err err;
    assert_int_equal(sm_fail(&err, SM_WEIGHTS, "%s: %d blocks", "a.h5", 3), SM_WEIGHTS);
    assert_int_equal(err.status, SM_WEIGHTS);
    assert_string_equal(err.message, "a.h5: 3 blocks");
    assert_int_equal(sm_fail_context(&err, "object \"%s\"", "liver"), SM_WEIGHTS);
    assert_string_equal(err.message, "object \"liver\": a.h5: 3 blocks");
    assert_int_equal(sm_fail(NULL, SM_USAGE, "unheard"), SM_USAGE);
    char longer[4000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    sm_fail(&err, SM_USAGE, "%s", longer);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
    sm_fail_context(&err, "%s", longer);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
}

static void listeners_may_be_absent(void **state)
{
    (void)state;
    struct sm_listener deaf = {0};
    sm_warn(NULL, "x");
    sm_warn(&deaf, "x");
    sm_note(&deaf, "x");
    sm_progress(&deaf, "x", 1, 2);
    assert_false(sm_cancelled(NULL));
    assert_false(sm_cancelled(&deaf));
}

static void an_arena_measures_then_serves(void **state)
{
    (void)state;
    struct arena measure = {0}, arena;
    arena_take(&measure, 1);
    size_t mark = arena_mark(&measure);
    assert_null(arena_floats(&measure, 1000));
    arena_release(&measure, mark);
    arena_take(&measure, 100);
    assert_int_equal(measure.peak, 64 + 4032);
    assert_int_equal(arena_init(&arena, measure.peak, NULL), SM_OK);
    char *first = arena_take(&arena, 1);
    float *second = arena_floats(&arena, 1000);
    assert_int_equal((uintptr_t)first % 64, 0);
    assert_int_equal((uintptr_t)second % 64, 0);
    memset(second, 0, 4000);
    arena_release(&arena, mark);
    assert_ptr_equal(arena_take(&arena, 100), second);
    arena_free(&arena);
    struct sm_err err;
    assert_int_equal(arena_init(&arena, SIZE_MAX / 4, &err), SM_MEMORY);
    assert_non_null(strstr(err.message, "MB"));
}

/* Large ones lie on large pages; sanitizers want their size to be whole ones. */
static void an_arena_may_be_large(void **state)
{
    (void)state;
    struct arena arena;
    size_t size = ((size_t)9 << 20) + 1;
    assert_int_equal(arena_init(&arena, size, NULL), SM_OK);
    char *all = arena_take(&arena, size);
    assert_int_equal((uintptr_t)all % ((size_t)2 << 20), 0);
    memset(all, 1, size);
    arena_free(&arena);
}

static void digests_are_sha256(void **state)
{
    (void)state;
    static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    char hex[65];
    digest_bytes("abc", 3, hex);
    assert_string_equal(hex, abc);
    put(in("abc"), "abc");
    assert_int_equal(digest_file(in("abc"), hex, NULL), SM_OK);
    assert_string_equal(hex, abc);
    struct sm_err err;
    assert_int_equal(digest_file(in("absent"), hex, &err), SM_NOT_FOUND);
    assert_non_null(strstr(err.message, "absent: No such file"));
}

/* FIPS 180-4's examples, of lengths that end within, at and beyond a block, in one piece and from a file. */
static void digests_of_any_length(void **state)
{
    (void)state;
    static char million[1000000];
    char hex[65];
    memset(million, 'a', sizeof million);
    digest_bytes("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    digest_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, hex);
    assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    digest_bytes(million, 64, hex);
    assert_string_equal(hex, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb");
    digest_bytes(million, sizeof million, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    FILE *file = fopen(in("million"), "wb");
    assert_int_equal(fwrite(million, 1, sizeof million, file), sizeof million);
    fclose(file);
    assert_int_equal(digest_file(in("million"), hex, NULL), SM_OK);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* A digest is taken from memory only while the file is the same; false memories show which it was. */
static void large_files_are_digested_once(void **state)
{
    (void)state;
    static const char zeros[] = "3b6a07d0d404fab4e23b6d34bc6696a6a312dd92821332385e5af7c01c421351";
    char hex[65];
    setenv("XDG_CACHE_HOME", directory, 1);
    put(in("large"), "");
    assert_int_equal(truncate(in("large"), 64 << 20), 0);
    assert_int_equal(digest_file_remembered(in("large"), hex, NULL), SM_OK);
    assert_string_equal(hex, zeros);
    assert_int_not_equal(access(in("sammed2d/sha256"), R_OK), 0); /* it may still change unseen */
    sleep(3);
    assert_int_equal(digest_file_remembered(in("large"), hex, NULL), SM_OK);
    assert_string_equal(hex, zeros);
    FILE *file = fopen(in("sammed2d/sha256"), "r+b");
    assert_non_null(file);
    fputs("5555", file);
    fclose(file);
    assert_int_equal(digest_file_remembered(in("large"), hex, NULL), SM_OK);
    assert_memory_equal(hex, "5555", 4);
    assert_string_equal(hex + 4, zeros + 4);
    assert_int_equal(truncate(in("large"), (64 << 20) + 1), 0);
    assert_int_equal(digest_file_remembered(in("large"), hex, NULL), SM_OK);
    assert_memory_not_equal(hex, "5555", 4);
    unsetenv("XDG_CACHE_HOME");
    unlink(in("sammed2d/sha256"));
    rmdir(in("sammed2d"));
}

static void json_errors_say_where(void **state)
{
    (void)state;
    static const char *const broken[] = {"", "{\n  \"a\": }", "{\"a\": 1, \"a\": 2}", "[1, 2",
                                         "{} x", "\xff\xfe"};
    json_t *json;
    struct sm_err err;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        put(in("a.json"), broken[i]);
        assert_int_equal(json_read(&json, in("a.json"), &err), SM_CORRUPT);
        assert_null(json);
        assert_non_null(strstr(err.message, "a.json: not valid JSON: line "));
    }
    assert_int_equal(json_read(&json, in("absent.json"), &err), SM_NOT_FOUND);
    assert_int_equal(json_read(&json, directory, &err), SM_NOT_FOUND);
    assert_non_null(strstr(err.message, "is a directory; name a file in it"));
    char deep[3 * 5000];
    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = 0;
    put(in("deep.json"), deep);
    assert_int_equal(json_read(&json, in("deep.json"), &err), SM_CORRUPT);
}

static void json_comes_back(void **state)
{
    (void)state;
    json_t *json = json_pack("{s:f, s:s}", "dice", 0.1, "name", "Nebenniere \xc3\xa4"), *back;
    assert_int_equal(json_write(in("b.json"), json, NULL), SM_OK);
    assert_int_equal(json_read(&back, in("b.json"), NULL), SM_OK);
    assert_true(json_equal(json, back));
    json_decref(json);
    json_decref(back);
    put(in("b.json"), "\xef\xbb\xbf{\"a\": 1}"); /* a byte order mark, and nothing else of its bytes */
    assert_int_equal(json_read(&back, in("b.json"), NULL), SM_OK);
    assert_int_equal(json_object_size(back), 1);
    json_decref(back);
    put(in("b.json"), "\xef\xbb[]");
    assert_int_equal(json_read(&back, in("b.json"), NULL), SM_CORRUPT);
}

static void an_output_appears_on_commit(void **state)
{
    (void)state;
    struct output output;
    put(in("a.nii.gz"), "old");
    assert_int_equal(output_open(&output, in("a.nii.gz"), NULL), SM_OK);
    const char *dot = strstr(strrchr(output.temporary, '/') + 2, ".");
    assert_string_equal(dot, ".nii.gz");
    assert_int_equal(output_write(&output, "new", 3, NULL), SM_OK);
    assert_holds(in("a.nii.gz"), "old");
    assert_int_equal(output_commit(&output, NULL), SM_OK);
    assert_holds(in("a.nii.gz"), "new");
    assert_int_equal(files_in_directory(), 1);
    output_discard(&output);
    assert_holds(in("a.nii.gz"), "new");
}

static void a_discarded_output_leaves_the_old_file(void **state)
{
    (void)state;
    struct output output;
    put(in("a"), "old");
    assert_int_equal(output_open(&output, in("a"), NULL), SM_OK);
    assert_int_equal(output_write(&output, "new", 3, NULL), SM_OK);
    output_discard(&output);
    assert_holds(in("a"), "old");
    assert_int_equal(output_open(&output, in("a"), NULL), SM_OK);
    output_abandon(); /* what a signal handler does */
    assert_int_equal(files_in_directory(), 1);
    output_discard(&output);
    assert_int_equal(output_check(in("b"), NULL), SM_OK);
    assert_int_equal(files_in_directory(), 1);
}

static void modes_follow_umask_and_the_old_file(void **state)
{
    (void)state;
    struct stat status;
    mode_t before = umask(027);
    assert_int_equal(output_text(in("fresh"), "x", NULL), SM_OK);
    put(in("private"), "old");
    chmod(in("private"), 0600);
    assert_int_equal(output_text(in("private"), "x", NULL), SM_OK);
    umask(before);
    stat(in("fresh"), &status);
    assert_int_equal(status.st_mode & 0777, 0640);
    stat(in("private"), &status);
    assert_int_equal(status.st_mode & 0777, 0600);
}

/* Slices are written by many threads: none may see a umask that another has set aside. */
static void modes_hold_among_threads(void **state)
{
    (void)state;
    enum { FILES = 400 };
    int wrong = 0;
    mode_t before = umask(027), after;
#pragma omp parallel for num_threads(8) reduction(+ : wrong)
    for (int n = 0; n < FILES; n++) {
        char name[64];
        struct stat status;
        snprintf(name, sizeof name, "%s/thread%d", directory, n);
        wrong += output_text(name, "x", NULL) != SM_OK || stat(name, &status) != 0 || (status.st_mode & 0777) != 0640;
        unlink(name);
    }
    after = umask(before);
    assert_int_equal(wrong, 0);
    assert_int_equal(after, 027);
}

static void left_over_temporaries_are_stepped_over(void **state)
{
    (void)state;
    struct output first, second;
    char left[200];
    assert_int_equal(output_open(&first, in("a"), NULL), SM_OK);
    unsigned number;
    const char *dash = strrchr(first.temporary, '-');
    assert_int_equal(sscanf(dash, "-%u", &number), 1);
    snprintf(left, sizeof left, "%.*s-%u", (int)(dash - first.temporary), first.temporary, number + 1);
    output_discard(&first);
    FILE *file = fopen(left, "w");
    fputs("of a killed process", file);
    fclose(file);
    assert_int_equal(output_open(&second, in("a"), NULL), SM_OK);
    assert_string_not_equal(second.temporary, left);
    output_discard(&second);
    assert_int_equal(access(left, F_OK), 0);
    unlink(left);
}

static void links_are_followed(void **state)
{
    (void)state;
    struct sm_err err;
    struct stat status;
    put(in("target"), "old");
    assert_int_equal(symlink("target", in("link")), 0);
    assert_int_equal(output_text(in("link"), "new", NULL), SM_OK);
    assert_holds(in("target"), "new");
    lstat(in("link"), &status);
    assert_true(S_ISLNK(status.st_mode));
    assert_int_equal(symlink("nowhere", in("dangling")), 0);
    assert_int_equal(output_text(in("dangling"), "new", &err), SM_OUTPUT);
    assert_non_null(strstr(err.message, "symbolic link to nothing"));
}

static void what_cannot_be_an_output_is_refused(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(in("fifo"), 0600), 0);
    put(in("file"), "old");
    const struct {
        const char *path, *sentence;
    } cases[] = {
        {"-", "outputs go to files"},
        {"", "outputs go to files"},
        {"/dev/stdout", "outputs go to files"},
        {directory, "is a directory"},
        {in("fifo"), "is not a regular file"},
        {in("absent/x"), "its directory does not exist"},
        {in("file/x"), "not a directory"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sm_err err;
        assert_int_equal(output_check(cases[i].path, &err), SM_OUTPUT);
        if (!strstr(err.message, cases[i].sentence))
            fail_msg("expected \"%s\" in \"%s\"", cases[i].sentence, err.message);
    }
    assert_int_equal(files_in_directory(), 2);
}

static void permissions_are_respected(void **state)
{
    (void)state;
    struct sm_err err;
    if (geteuid() == 0)
        skip(); /* root may write everywhere */
    put(in("protected"), "old");
    chmod(in("protected"), 0444);
    assert_int_equal(output_text(in("protected"), "new", &err), SM_OUTPUT);
    assert_holds(in("protected"), "old");
    chmod(directory, 0500);
    assert_int_equal(output_text(in("new"), "new", &err), SM_OUTPUT);
    chmod(directory, 0700);
    assert_non_null(strstr(err.message, "cannot be written to"));
}

/* A limit on file size stands in for a full disk: both end a write half way. */
static void a_full_disk_leaves_nothing(void **state)
{
    (void)state;
    struct rlimit before, small;
    struct output output;
    struct sm_err err;
    static char bytes[10000];
    put(in("a"), "old");
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 4096;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    enum sm_status opened = output_open(&output, in("a"), NULL);
    enum sm_status written = output_write(&output, bytes, sizeof bytes, &err);
    output_discard(&output);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(opened, SM_OK);
    assert_int_equal(written, SM_OUTPUT);
    assert_non_null(strstr(err.message, "larger than a file may be"));
    assert_holds(in("a"), "old");
    assert_int_equal(files_in_directory(), 1);
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

/* More than nothing, and not more than there is. */
static void memory_that_can_be_had(void **state)
{
    (void)state;
    double machine = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    assert_true(memory_available() > 1e6 && memory_available() < machine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_are_sentences),
        cmocka_unit_test(listeners_may_be_absent),
        cmocka_unit_test(an_arena_measures_then_serves),
        cmocka_unit_test(an_arena_may_be_large),
        cmocka_unit_test(memory_that_can_be_had),
        IN_DIRECTORY(digests_are_sha256),
        IN_DIRECTORY(digests_of_any_length),
        IN_DIRECTORY(large_files_are_digested_once),
        IN_DIRECTORY(json_errors_say_where),
        IN_DIRECTORY(json_comes_back),
        IN_DIRECTORY(an_output_appears_on_commit),
        IN_DIRECTORY(a_discarded_output_leaves_the_old_file),
        IN_DIRECTORY(modes_follow_umask_and_the_old_file),
        IN_DIRECTORY(modes_hold_among_threads),
        IN_DIRECTORY(left_over_temporaries_are_stepped_over),
        IN_DIRECTORY(links_are_followed),
        IN_DIRECTORY(what_cannot_be_an_output_is_refused),
        IN_DIRECTORY(permissions_are_respected),
        IN_DIRECTORY(a_full_disk_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
