#include <stdlib.h>
#include <string.h>
#include "checkpoint/machine.h"

/* ---- failing, allocating ---- */

enum sm_status pm_damaged(struct pickle *p, const char *what)
{
    return sm_fail(p->err, SM_CORRUPT, "%s: damaged checkpoint: its pickle %s", p->path, what);
}

static enum sm_status spend(struct pickle *p, size_t bytes)
{
    if (bytes > p->budget)
        return sm_fail(p->err, SM_CORRUPT,
                       "%s: refused: its pickle builds more than a file of this size can need",
                       p->path);
    p->budget -= bytes;
    return SM_OK;
}

static enum sm_status no_memory(struct pickle *p)
{
    return sm_fail(p->err, SM_MEMORY, "%s: out of memory", p->path);
}

/* Room for one element more in an array of pointers. */
static enum sm_status grow(struct pickle *p, struct value ***array, size_t *capacity, size_t needed)
{
    if (needed <= *capacity)
        return SM_OK;
    size_t larger = *capacity ? *capacity : 4;
    while (larger < needed)
        larger *= 2;
    enum sm_status status = spend(p, (larger - *capacity) * sizeof **array);
    if (status)
        return status;
    struct value **grown = realloc(*array, larger * sizeof *grown);
    if (!grown)
        return no_memory(p);
    memset(grown + *capacity, 0, (larger - *capacity) * sizeof *grown);
    *array = grown;
    *capacity = larger;
    return SM_OK;
}

enum sm_status pm_make(struct pickle *p, enum value_kind kind, struct value **value)
{
    if (!p->chunks || p->chunk_used == CHUNK_VALUES) {
        enum sm_status status = spend(p, sizeof(struct chunk));
        if (status)
            return status;
        struct chunk *chunk = calloc(1, sizeof *chunk);
        if (!chunk)
            return no_memory(p);
        chunk->next = p->chunks;
        p->chunks = chunk;
        p->chunk_used = 0;
    }
    *value = &p->chunks->values[p->chunk_used++];
    (*value)->kind = kind;
    return SM_OK;
}

bool pm_has_items(const struct value *value)
{
    return value->kind >= VALUE_TUPLE && value->kind < VALUE_MARK;
}

enum sm_status pm_append(struct pickle *p, struct value *to, struct value *item)
{
    size_t capacity = to->capacity;
    if (to->count == UINT32_MAX / 4)
        return pm_damaged(p, "builds an endless list");
    enum sm_status status = grow(p, &to->items, &capacity, (size_t)to->count + 1);
    if (status)
        return status;
    to->capacity = (uint32_t)capacity;
    to->items[to->count++] = item;
    return SM_OK;
}

enum sm_status pm_push(struct pickle *p, struct value *value)
{
    enum sm_status status = grow(p, &p->stack, &p->stack_capacity, p->depth + 1);
    if (status == SM_OK)
        p->stack[p->depth++] = value;
    return status;
}

enum sm_status pm_push_new(struct pickle *p, enum value_kind kind)
{
    struct value *value;
    enum sm_status status = pm_make(p, kind, &value);
    return status ? status : pm_push(p, value);
}

enum sm_status pm_pop(struct pickle *p, struct value **value)
{
    if (p->depth == 0 || p->stack[p->depth - 1]->kind == VALUE_MARK)
        return pm_damaged(p, "takes from an empty stack");
    *value = p->stack[--p->depth];
    return SM_OK;
}

enum sm_status pm_find_mark(struct pickle *p, size_t *first)
{
    for (size_t i = p->depth; i > 0; i--)
        if (p->stack[i - 1]->kind == VALUE_MARK) {
            *first = i;
            return SM_OK;
        }
    return pm_damaged(p, "lacks a mark");
}

/* ---- operands ---- */

enum sm_status pm_take(struct pickle *p, size_t count, const char **bytes)
{
    if ((size_t)(p->end - p->at) < count)
        return pm_damaged(p, "ends in the middle");
    *bytes = p->at;
    p->at += count;
    return SM_OK;
}

enum sm_status pm_take_number(struct pickle *p, int bytes, uint64_t *number)
{
    const char *raw = NULL;
    enum sm_status status = pm_take(p, (size_t)bytes, &raw);
    *number = 0;
    for (int i = 0; status == SM_OK && i < bytes; i++)
        *number |= (uint64_t)(unsigned char)raw[i] << 8 * i;
    return status;
}

enum sm_status pm_take_line(struct pickle *p, const char **line, size_t *length)
{
    const char *newline = memchr(p->at, '\n', (size_t)(p->end - p->at));
    if (!newline)
        return pm_damaged(p, "ends in the middle of a line");
    *line = p->at;
    *length = (size_t)(newline - p->at);
    p->at = newline + 1;
    return SM_OK;
}

static enum sm_status make_span(struct pickle *p, enum value_kind kind, const char *span,
                                size_t length, struct value **value)
{
    enum sm_status status = pm_make(p, kind, value);
    if (status)
        return status;
    if (length > UINT32_MAX)
        return pm_damaged(p, "holds a text of over 4 GB");
    (*value)->text = span;
    (*value)->count = (uint32_t)length;
    return SM_OK;
}

enum sm_status pm_push_span(struct pickle *p, enum value_kind kind, int length_bytes)
{
    uint64_t length = 0;
    size_t line_length = 0;
    const char *span = NULL;
    struct value *value;
    enum sm_status status;
    if (length_bytes == LINE_OPERAND) {
        status = pm_take_line(p, &span, &line_length);
        length = line_length;
    } else {
        status = pm_take_number(p, length_bytes, &length);
        if (status == SM_OK)
            status = pm_take(p, length, &span);
    }
    if (status == SM_OK)
        status = make_span(p, kind, span, length, &value);
    return status ? status : pm_push(p, value);
}

enum sm_status pm_push_int(struct pickle *p, int64_t integer)
{
    enum sm_status status = pm_push_new(p, VALUE_INT);
    if (status == SM_OK)
        p->stack[p->depth - 1]->integer = integer;
    return status;
}

enum sm_status pm_push_long(struct pickle *p, int length_bytes)
{
    enum sm_status status = pm_push_span(p, VALUE_BYTES, length_bytes);
    if (status)
        return status;
    struct value *value = p->stack[p->depth - 1];
    if (value->count > 8)
        return SM_OK;
    uint64_t bits = 0;
    uint32_t count = value->count;
    for (uint32_t i = 0; i < count; i++)
        bits |= (uint64_t)(unsigned char)value->text[i] << 8 * i;
    if (count > 0 && count < 8 && (value->text[count - 1] & 0x80))
        bits |= UINT64_MAX << 8 * count;
    value->kind = VALUE_INT;
    value->count = 0;
    value->integer = (int64_t)bits;
    return SM_OK;
}

enum sm_status pm_push_text_int(struct pickle *p)
{
    const char *line = NULL;
    size_t length = 0;
    char digits[32];
    enum sm_status status = pm_take_line(p, &line, &length);
    if (status)
        return status;
    if (length >= sizeof digits)
        return pm_push(p, &p->other);
    memcpy(digits, line, length);
    digits[length] = 0;
    if (strcmp(digits, "01") == 0 || strcmp(digits, "00") == 0)
        return pm_push(p, digits[1] == '1' ? &p->yes : &p->no);
    return pm_push_int(p, strtoll(digits, NULL, 10));
}

/* ---- memo ---- */

enum sm_status pm_memo_put(struct pickle *p, uint64_t index)
{
    if (p->depth == 0 || p->stack[p->depth - 1]->kind == VALUE_MARK)
        return pm_damaged(p, "remembers nothing");
    if (index > UINT32_MAX)
        return pm_damaged(p, "remembers too much");
    enum sm_status status = grow(p, &p->memo, &p->memo_capacity, (size_t)index + 1);
    if (status)
        return status;
    p->memo[index] = p->stack[p->depth - 1];
    if (index >= p->memo_count)
        p->memo_count = (size_t)index + 1;
    return SM_OK;
}

enum sm_status pm_memo_get(struct pickle *p, uint64_t index)
{
    if (index >= p->memo_count || !p->memo[index])
        return pm_damaged(p, "recalls what it never remembered");
    return pm_push(p, p->memo[index]);
}

enum sm_status pm_memo_operand(struct pickle *p, int bytes, uint64_t *index)
{
    if (bytes != LINE_OPERAND)
        return pm_take_number(p, bytes, index);
    const char *line = NULL;
    size_t length = 0;
    char digits[24] = "";
    enum sm_status status = pm_take_line(p, &line, &length);
    if (status == SM_OK && length < sizeof digits)
        memcpy(digits, line, length);
    *index = strtoull(digits, NULL, 10);
    return status;
}
