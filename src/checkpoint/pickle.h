/* checkpoint/pickle.h - reads a pickle without running it.
 *
 * Source: the opcodes of Python's pickletools (protocols 0 to 5) and what torch.save writes.
 *
 * A pickle is a program that may call any function by name. Here only names that rebuild tensors
 * and plain containers are known; calling any other is SM_UNSUPPORTED and the message says which.
 * Objects of other classes that a pickle makes without calling a function of its choice (an
 * optimizer beside the model) become inert placeholders: nothing is looked up, imported or
 * executed.
 */
#ifndef CHECKPOINT_PICKLE_H
#define CHECKPOINT_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "sammed2d/error.h"

enum value_kind {
    VALUE_NONE,
    VALUE_BOOL,
    VALUE_INT,
    VALUE_OTHER, /* OTHER: floats, integers beyond 64 bits, sets */
    VALUE_TEXT,
    VALUE_BYTES,
    VALUE_TUPLE,
    VALUE_LIST,
    VALUE_DICT,    /* dict: keys and values alternate in items */
    VALUE_GLOBAL,  /* a name: items are two TEXTs, its module and what is in it */
    VALUE_STORAGE, /* a persistent id: items are its tuple */
    VALUE_TENSOR,  /* items: storage, offset, sizes, strides [, ..., dtype] as _rebuild_tensor_v2/3
                    */
    VALUE_OBJECT,  /* inert; items[0] is the GLOBAL of its class */
    VALUE_MARK
};

struct value {
    enum value_kind kind;
    uint32_t count, capacity; /* of items; count: bytes of text */
    union {
        int64_t integer;
        const char *text; /* into the pickle, not terminated */
        struct value **items;
    };
};

struct pickle; /* owns all values */

/* Runs the pickle at bytes[0..size); *end is where it stops, so that pickles can follow one
 * another. The bytes must outlive *pickle. At most `budget` bytes are allocated; `path` is for
 * messages. SM_CORRUPT, SM_UNSUPPORTED (a call that is refused, an unknown opcode), SM_MEMORY. */
enum sm_status pickle_load(struct pickle **pickle, const struct value **result, const char *bytes,
                           size_t size, size_t *end, size_t budget, const char *path,
                           struct sm_err *err);
void pickle_free(struct pickle *pickle);
/* All STORAGE values there are, used or not; returns their number. out may be NULL. */
size_t pickle_storages(const struct pickle *pickle, const struct value **out);

bool value_is_text(const struct value *value, const char *text);
/* The value of a text key, the last one if it is there twice; NULL. */
const struct value *value_get(const struct value *dict, const char *key);
/* "module.name" of a GLOBAL, cut to fit and with unprintable bytes replaced. */
void value_global_name(const struct value *global, char *name, size_t size);

#endif
