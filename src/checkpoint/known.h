/* checkpoint/known.h - the names a pickle may use. */
#ifndef CHECKPOINT_KNOWN_H
#define CHECKPOINT_KNOWN_H

#include "checkpoint/pickle.h"

/* What calling a name means here. */
enum known_call {
    CALL_REFUSED,   /* not known */
    CALL_DICT,      /* an empty dictionary, or the one it is given */
    CALL_TENSOR,    /* storage, offset, sizes, strides, ...: the arguments are the tensor */
    CALL_FIRST,     /* wraps its first argument: a Parameter is its tensor */
    CALL_FROM_TYPE, /* torch._tensor._rebuild_from_type_v2(function, type, arguments, state) */
    CALL_INERT      /* plain data that no model needs: an inert object */
};
enum known_call known_call(const struct value *global);

/* A class of which an inert object may be made although it is unknown: not one of a module that
 * reaches for the system. */
bool known_harmless_class(const struct value *global);

/* Storage classes and dtypes. */
enum scalar_type {
    SCALAR_UNKNOWN,
    SCALAR_FLOAT32,
    SCALAR_FLOAT64,
    SCALAR_FLOAT16,
    SCALAR_BFLOAT16,
    SCALAR_INT64,
    SCALAR_INT32,
    SCALAR_INT16,
    SCALAR_INT8,
    SCALAR_UINT8,
    SCALAR_BOOL,
    SCALAR_BYTES /* torch.storage.UntypedStorage: the tensor says what they are */
};
enum scalar_type
known_scalar(const struct value *global); /* torch.FloatStorage, torch.float32 ... */
size_t scalar_bytes(enum scalar_type type);

#endif
