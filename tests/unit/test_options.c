/* The options table: every kind of row, every way to write it, every way to get it wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "cmd/cmd.h"

static struct {
    bool flag;
    const char *text;
    int number;
    double real;
    struct option_list list;
    char called[64];
} got;

static enum sm_status call(void *context, const char *value, struct sm_err *err)
{
    if (strcmp(value, "bad") == 0)
        return sm_fail(err, SM_CORRUPT, "called with bad");
    snprintf(context, sizeof got.called, "%s", value);
    return SM_OK;
}

static const struct option_row rows[] = {
    OPTION_FLAG('f', "flag", &got.flag, "a flag"),
    OPTION_TEXT('o', "output", &got.text, "FILE", "a text"),
    OPTION_INT(0, "number", &got.number, "N", "a number"),
    OPTION_INT('z', NULL, &got.number, "N", "a number without a long name"),
    OPTION_DOUBLE(0, "real", &got.real, "X", "a real number"),
    OPTION_LIST(0, "list", &got.list, "ITEM", "may be given several times, and says so in a long sentence"),
    OPTION_CALL(0, "call", got.called, "WORD", "calls", call),
    OPTION_END};
static const struct synopsis synopsis = {"test", "FILE...", "Tests."};

enum { MOST = 16 };
static char *arguments[MOST];
static int count;
static char said[4096]; /* on standard output and standard error */

/* Both streams go to one file while the parser runs. */
static int parse_words(int n, const char *const *words)
{
    static char copies[MOST][64];
    memset(&got, 0, sizeof got);
    memset(&cmd_common, 0, sizeof cmd_common);
    for (int i = 0; i < n; i++) {
        snprintf(copies[i], sizeof copies[i], "%s", words[i]);
        arguments[i] = copies[i];
    }
    arguments[n] = NULL;
    count = n;
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(NULL);
    int out = dup(1), err = dup(2);
    dup2(fileno(file), 1);
    dup2(fileno(file), 2);
    char **argv = arguments;
    int status = options_parse(&synopsis, rows, &count, &argv);
    fflush(NULL);
    dup2(out, 1);
    dup2(err, 2);
    close(out);
    close(err);
    rewind(file);
    said[fread(said, 1, sizeof said - 1, file)] = 0;
    fclose(file);
    return status;
}
#define PARSE(...)                                                                                 \
    parse_words((int)(sizeof((const char *[]){"test", __VA_ARGS__}) / sizeof(char *)),             \
                (const char *[]){"test", __VA_ARGS__})

static void positional_arguments_remain(void **state)
{
    (void)state;
    assert_int_equal(PARSE("a", "-f", "b", "-", "--", "-o", "--flag"), -1);
    const char *expected[] = {"a", "b", "-", "-o", "--flag"};
    assert_int_equal(count, 5);
    for (int i = 0; i < 5; i++)
        assert_string_equal(arguments[i], expected[i]);
    assert_null(arguments[5]);
    assert_true(got.flag);
    assert_null(got.text);
    assert_string_equal(said, "");
}

static void values_attach_in_every_way(void **state)
{
    (void)state;
    assert_int_equal(PARSE("-o", "x.nii"), -1);
    assert_string_equal(got.text, "x.nii");
    assert_int_equal(PARSE("-ox.nii"), -1);
    assert_string_equal(got.text, "x.nii");
    assert_int_equal(PARSE("-fox.nii"), -1);
    assert_true(got.flag);
    assert_string_equal(got.text, "x.nii");
    assert_int_equal(PARSE("--output=a=b"), -1);
    assert_string_equal(got.text, "a=b");
    assert_int_equal(PARSE("--output="), -1);
    assert_string_equal(got.text, "");
    assert_int_equal(PARSE("--real", "-600.5", "--number", "-3"), -1);
    assert_true(got.real == -600.5);
    assert_int_equal(got.number, -3);
    assert_int_equal(count, 0);
}

static void a_list_keeps_its_order(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--list", "b", "--list=a", "--list", "b"), -1);
    assert_int_equal(got.list.count, 3);
    assert_string_equal(got.list.values[0], "b");
    assert_string_equal(got.list.values[1], "a");
    assert_string_equal(got.list.values[2], "b");
    option_list_free(&got.list);
    assert_int_equal(got.list.count, 0);
}

static void a_call_may_refuse(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--call", "good"), -1);
    assert_string_equal(got.called, "good");
    assert_int_equal(PARSE("--call", "bad"), SM_CORRUPT);
    assert_non_null(strstr(said, "sammed2d test: called with bad"));
}

static void common_options_are_there(void **state)
{
    (void)state;
    assert_int_equal(PARSE("-qv", "--threads", "3"), -1);
    assert_true(cmd_common.quiet && cmd_common.verbose);
    assert_int_equal(cmd_common.threads, 3);
    assert_int_equal(PARSE("--threads", "-1"), SM_USAGE);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *words[2], *sentence;
    } cases[] = {
        {{"--nonsense", "x"}, "there is no option --nonsense"},
        {{"--out", "x"}, "there is no option --out"},
        {{"--nonsense=3", "x"}, "there is no option --nonsense\n"},
        {{"-fx", "x"}, "there is no option -x"},
        {{"--flag=yes", "x"}, "--flag takes no value"},
        {{"x", "--output"}, "--output needs a value: FILE"},
        {{"x", "-o"}, "-o needs a value: FILE"},
        {{"--number", "3x"}, "--number takes a whole number, not \"3x\""},
        {{"--number", ""}, "--number takes a whole number, not \"\""},
        {{"--number", "99999999999999999999"}, "--number takes a whole number"},
        {{"--number", "2147483648"}, "--number takes a whole number"},
        {{"-z", "q"}, "-z takes a whole number, not \"q\""},
        {{"--real", "1,5"}, "--real takes a number, not \"1,5\""},
        {{"--real", "nan"}, "--real takes a number"},
        {{"--real", "inf"}, "--real takes a number"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(PARSE(cases[i].words[0], cases[i].words[1]), SM_USAGE);
        if (!strstr(said, cases[i].sentence))
            fail_msg("expected \"%s\" in \"%s\"", cases[i].sentence, said);
        assert_non_null(strstr(said, "Try: sammed2d test --help"));
    }
}

static void help_shows_every_row(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--help"), SM_OK);
    static const char *const lines[] = {
        "usage: sammed2d test [OPTIONS] FILE...", "  -f, --flag ", "  -o, --output FILE ",
        "      --number N ", "  -z N ", "      --list ITEM ", "  -h, --help ", "      --threads N "};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (!strstr(said, lines[i]))
            fail_msg("expected \"%s\" in:\n%s", lines[i], said);
    assert_int_equal(PARSE("x", "-h", "--nonsense"), SM_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(positional_arguments_remain),
        cmocka_unit_test(values_attach_in_every_way),
        cmocka_unit_test(a_list_keeps_its_order),
        cmocka_unit_test(a_call_may_refuse),
        cmocka_unit_test(common_options_are_there),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(help_shows_every_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
