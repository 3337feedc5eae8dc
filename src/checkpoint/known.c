#include <string.h>
#include "checkpoint/known.h"

struct name {
    const char *module, *name;
    int meaning;
};

/* clang-format off */
static const struct name calls[] = {
    {"collections",             "OrderedDict",                   CALL_DICT},
    {"collections",             "defaultdict",                   CALL_DICT},
    {"__builtin__",             "dict",                          CALL_DICT},
    {"builtins",                "dict",                          CALL_DICT},
    {"torch._utils",            "_rebuild_tensor",               CALL_TENSOR},
    {"torch._utils",            "_rebuild_tensor_v2",            CALL_TENSOR},
    {"torch._utils",            "_rebuild_tensor_v3",            CALL_TENSOR},
    {"torch._utils",            "_rebuild_parameter",            CALL_FIRST},
    {"torch._utils",            "_rebuild_parameter_with_state", CALL_FIRST},
    {"torch._tensor",           "_rebuild_from_type_v2",         CALL_FROM_TYPE},
    /* plain data beside a model: numbers of NumPy, sets, paths, objects of older pickles */
    {"numpy.core.multiarray",   "scalar",                        CALL_INERT},
    {"numpy._core.multiarray",  "scalar",                        CALL_INERT},
    {"numpy.core.multiarray",   "_reconstruct",                  CALL_INERT},
    {"numpy._core.multiarray",  "_reconstruct",                  CALL_INERT},
    {"numpy",                   "dtype",                         CALL_INERT},
    {"_codecs",                 "encode",                        CALL_INERT},
    {"__builtin__",             "set",                           CALL_INERT},
    {"builtins",                "set",                           CALL_INERT},
    {"__builtin__",             "frozenset",                     CALL_INERT},
    {"builtins",                "frozenset",                     CALL_INERT},
    {"collections",             "deque",                         CALL_INERT},
    {"collections",             "Counter",                       CALL_INERT},
    {"copy_reg",                "_reconstructor",                CALL_INERT},
    {"copyreg",                 "_reconstructor",                CALL_INERT},
    {"datetime",                "datetime",                      CALL_INERT},
    {"datetime",                "timedelta",                     CALL_INERT},
    {"pathlib",                 "PosixPath",                     CALL_INERT},
    {"pathlib",                 "PurePosixPath",                 CALL_INERT},
    {"pathlib",                 "WindowsPath",                   CALL_INERT},
    {"torch",                   "Size",                          CALL_INERT},
    {"torch",                   "device",                        CALL_INERT},
    {"torch.serialization",     "_get_layout",                   CALL_INERT},
    {"torch._utils",            "_rebuild_sparse_tensor",        CALL_INERT},
    {"torch._utils",            "_rebuild_qtensor",              CALL_INERT},
    {NULL, NULL, CALL_REFUSED}};

static const struct name scalars[] = {
    {"torch",         "FloatStorage",    SCALAR_FLOAT32},  {"torch", "float32",  SCALAR_FLOAT32},
    {"torch",         "DoubleStorage",   SCALAR_FLOAT64},  {"torch", "float64",  SCALAR_FLOAT64},
    {"torch",         "HalfStorage",     SCALAR_FLOAT16},  {"torch", "float16",  SCALAR_FLOAT16},
    {"torch",         "BFloat16Storage", SCALAR_BFLOAT16}, {"torch", "bfloat16", SCALAR_BFLOAT16},
    {"torch",         "LongStorage",     SCALAR_INT64},    {"torch", "int64",    SCALAR_INT64},
    {"torch",         "IntStorage",      SCALAR_INT32},    {"torch", "int32",    SCALAR_INT32},
    {"torch",         "ShortStorage",    SCALAR_INT16},    {"torch", "int16",    SCALAR_INT16},
    {"torch",         "CharStorage",     SCALAR_INT8},     {"torch", "int8",     SCALAR_INT8},
    {"torch",         "ByteStorage",     SCALAR_UINT8},    {"torch", "uint8",    SCALAR_UINT8},
    {"torch",         "BoolStorage",     SCALAR_BOOL},     {"torch", "bool",     SCALAR_BOOL},
    {"torch.storage", "UntypedStorage",  SCALAR_BYTES},    {"torch", "UntypedStorage", SCALAR_BYTES},
    {NULL, NULL, SCALAR_UNKNOWN}};

static const size_t bytes_of[] = {
    [SCALAR_UNKNOWN] = 0, [SCALAR_FLOAT32] = 4, [SCALAR_FLOAT64] = 8, [SCALAR_FLOAT16] = 2,
    [SCALAR_BFLOAT16] = 2, [SCALAR_INT64] = 8, [SCALAR_INT32] = 4, [SCALAR_INT16] = 2,
    [SCALAR_INT8] = 1, [SCALAR_UINT8] = 1, [SCALAR_BOOL] = 1, [SCALAR_BYTES] = 1};

/* Modules by which an attack would reach for the system. */
static const char *const dangerous[] = {
    "posix", "nt", "os", "sys", "subprocess", "__builtin__", "builtins", "importlib", "runpy", "socket",
    "shutil", "pty", "commands", "ctypes", "webbrowser", "code", "codeop", "pickle", "_pickle", "pip",
    "platform", "signal", "multiprocessing", "threading", "asyncio", "tempfile", "urllib", "http",
    "ftplib", "smtplib", "operator", "functools", "types", "timeit", "cProfile", "pdb", "bdb", NULL};
/* clang-format on */

static bool span_is(const char *span, size_t length, const char *text)
{
    return strlen(text) == length && memcmp(span, text, length) == 0;
}

static int look_up(const struct name *table, const struct value *global)
{
    if (global->kind != VALUE_GLOBAL)
        return 0;
    const struct value *module = global->items[0], *name = global->items[1];
    for (; table->module; table++)
        if (value_is_text(module, table->module) && value_is_text(name, table->name))
            return table->meaning;
    return 0;
}

enum known_call known_call(const struct value *global)
{
    return (enum known_call)look_up(calls, global);
}

bool known_harmless_class(const struct value *global)
{
    const struct value *module = global->items[0];
    const char *dot = memchr(module->text, '.', module->count);
    size_t length = dot ? (size_t)(dot - module->text) : module->count;
    if (known_call(global) != CALL_REFUSED)
        return true;
    for (const char *const *name = dangerous; *name; name++)
        if (span_is(module->text, length, *name))
            return false;
    return true;
}

enum scalar_type known_scalar(const struct value *global)
{
    return (enum scalar_type)look_up(scalars, global);
}

size_t scalar_bytes(enum scalar_type type)
{
    return bytes_of[type];
}
