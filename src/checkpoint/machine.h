/* checkpoint/machine.h - the stack machine under pickle.c: values, stack, memo, operands. */
#ifndef CHECKPOINT_MACHINE_H
#define CHECKPOINT_MACHINE_H

#include "checkpoint/pickle.h"

enum { CHUNK_VALUES = 256, LINE_OPERAND = -1 };

struct chunk {
    struct chunk *next;
    struct value values[CHUNK_VALUES];
};

struct pickle {
    struct chunk *chunks;
    size_t chunk_used;
    size_t budget; /* bytes that may still be allocated */
    const char *at, *end;
    const char *path;
    struct value **stack;
    size_t depth, stack_capacity;
    struct value **memo;
    size_t memo_count, memo_capacity;
    struct value empty_tuple, none, yes, no, other, mark; /* shared: they cost nothing */
    bool stopped;
    struct sm_err *err;
};

/* "PATH: damaged checkpoint: its pickle WHAT" */
enum sm_status pm_damaged(struct pickle *p, const char *what);

/* ---- values ---- */
enum sm_status pm_make(struct pickle *p, enum value_kind kind, struct value **value);
enum sm_status pm_append(struct pickle *p, struct value *to, struct value *item);
bool pm_has_items(const struct value *value);

/* ---- the stack ---- */
enum sm_status pm_push(struct pickle *p, struct value *value);
enum sm_status pm_push_new(struct pickle *p, enum value_kind kind);
/* Not a mark. */
enum sm_status pm_pop(struct pickle *p, struct value **value);
/* *first: stack index of what lies above the top-most mark. */
enum sm_status pm_find_mark(struct pickle *p, size_t *first);

/* ---- operands; LINE_OPERAND as a length: up to the end of the line ---- */
enum sm_status pm_take(struct pickle *p, size_t count, const char **bytes);
enum sm_status pm_take_number(struct pickle *p, int bytes, uint64_t *number);
enum sm_status pm_take_line(struct pickle *p, const char **line, size_t *length);
/* Text or bytes whose length comes first, or that end with the line. */
enum sm_status pm_push_span(struct pickle *p, enum value_kind kind, int length_bytes);
enum sm_status pm_push_int(struct pickle *p, int64_t integer);
/* Two's complement of any length; beyond 64 bits it is kept as BYTES. */
enum sm_status pm_push_long(struct pickle *p, int length_bytes);
enum sm_status pm_push_text_int(struct pickle *p);

/* ---- the memo ---- */
enum sm_status pm_memo_operand(struct pickle *p, int bytes, uint64_t *index);
enum sm_status pm_memo_put(struct pickle *p, uint64_t index);
enum sm_status pm_memo_get(struct pickle *p, uint64_t index);

#endif
