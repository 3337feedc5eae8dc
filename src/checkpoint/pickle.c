/* The opcodes. What a pickle builds are values; what it calls is looked up in known.c and nowhere
 * else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "checkpoint/known.h"
#include "checkpoint/machine.h"
#include "checkpoint/pickle.h"

enum { MAX_NAME = 200 };

/* ---- containers ---- */

/* Everything above the mark becomes the items of `to`, or is dropped when `to` holds none (sets,
 * placeholders). */
static enum sm_status take_marked(struct pickle *p, struct value *to, size_t first)
{
    enum sm_status status = SM_OK;
    for (size_t i = first; status == SM_OK && i < p->depth; i++)
        if (to->kind == VALUE_TUPLE || to->kind == VALUE_LIST || to->kind == VALUE_DICT)
            status = pm_append(p, to, p->stack[i]);
    p->depth = first - 1;
    return status;
}

static enum sm_status push_marked(struct pickle *p, enum value_kind kind)
{
    size_t first = 0;
    struct value *value = NULL;
    enum sm_status status = pm_find_mark(p, &first);
    if (status == SM_OK && kind == VALUE_DICT && (p->depth - first) % 2)
        return pm_damaged(p, "has a key without a value");
    if (status == SM_OK)
        status = pm_make(p, kind, &value);
    if (status == SM_OK)
        status = take_marked(p, value, first);
    return status ? status : pm_push(p, value);
}

static enum sm_status push_tuple(struct pickle *p, int items)
{
    size_t count = (size_t)items;
    struct value *value = NULL;
    if (p->depth < count)
        return pm_damaged(p, "takes from an empty stack");
    for (size_t i = p->depth - count; i < p->depth; i++)
        if (p->stack[i]->kind == VALUE_MARK)
            return pm_damaged(p, "takes from an empty stack");
    enum sm_status status = pm_make(p, VALUE_TUPLE, &value);
    for (size_t i = p->depth - count; status == SM_OK && i < p->depth; i++)
        status = pm_append(p, value, p->stack[i]);
    if (status)
        return status;
    p->depth -= count;
    return pm_push(p, value);
}

/* APPENDS, SETITEMS, ADDITEMS: what is above the mark goes into what is below it. */
static enum sm_status extend(struct pickle *p, int per_item)
{
    bool pairs = per_item == 2;
    size_t first = 0;
    enum sm_status status = pm_find_mark(p, &first);
    if (status)
        return status;
    if (first < 2 || p->stack[first - 2]->kind == VALUE_MARK || (pairs && (p->depth - first) % 2))
        return pm_damaged(p, "fills what is not there");
    struct value *to = p->stack[first - 2];
    if (to->kind == VALUE_TUPLE || (pairs ? to->kind == VALUE_LIST : to->kind == VALUE_DICT))
        return pm_damaged(p, "fills the wrong kind of container");
    return take_marked(p, to, first);
}

/* APPEND (one) and SETITEM (two). */
static enum sm_status extend_by(struct pickle *p, int items)
{
    size_t count = (size_t)items;
    if (p->depth < count + 1)
        return pm_damaged(p, "takes from an empty stack");
    size_t first = p->depth - count;
    for (size_t i = first - 1; i < p->depth; i++)
        if (p->stack[i]->kind == VALUE_MARK)
            return pm_damaged(p, "takes from an empty stack");
    struct value *to = p->stack[first - 1];
    enum value_kind wanted = count == 2 ? VALUE_DICT : VALUE_LIST;
    enum sm_status status = SM_OK;
    for (size_t i = first; status == SM_OK && to->kind == wanted && i < p->depth; i++)
        status = pm_append(p, to, p->stack[i]);
    p->depth = first;
    return status;
}

/* ---- names and calls ---- */

static enum sm_status push_global(struct pickle *p, struct value *module, struct value *name)
{
    struct value *global;
    if (module->kind != VALUE_TEXT || name->kind != VALUE_TEXT)
        return pm_damaged(p, "names something without a name");
    enum sm_status status = pm_make(p, VALUE_GLOBAL, &global);
    if (status == SM_OK)
        status = pm_append(p, global, module);
    if (status == SM_OK)
        status = pm_append(p, global, name);
    return status ? status : pm_push(p, global);
}

static enum sm_status read_global(struct pickle *p, int operand)
{
    (void)operand;
    enum sm_status status = pm_push_span(p, VALUE_TEXT, LINE_OPERAND);
    if (status == SM_OK)
        status = pm_push_span(p, VALUE_TEXT, LINE_OPERAND);
    if (status)
        return status;
    p->depth -= 2;
    return push_global(p, p->stack[p->depth], p->stack[p->depth + 1]);
}

static enum sm_status stack_global(struct pickle *p, int operand)
{
    (void)operand;
    struct value *module, *name;
    enum sm_status status = pm_pop(p, &name);
    if (status == SM_OK)
        status = pm_pop(p, &module);
    return status ? status : push_global(p, module, name);
}

static enum sm_status refuse(struct pickle *p, const struct value *callee)
{
    char name[MAX_NAME] = "an object of its own";
    if (callee->kind == VALUE_GLOBAL)
        value_global_name(callee, name, sizeof name);
    return sm_fail(
        p->err, SM_UNSUPPORTED,
        "%s: refused: it asks to call %s when loaded, which no model weights need; nothing "
        "of it was run. If you trust where it comes from, save its state_dict alone",
        p->path, name);
}

static enum sm_status push_object(struct pickle *p, struct value *class)
{
    enum sm_status status = pm_push_new(p, VALUE_OBJECT);
    return status ? status : pm_append(p, p->stack[p->depth - 1], class);
}

static enum sm_status push_tensor(struct pickle *p, struct value *arguments)
{
    struct value *tensor;
    enum sm_status status = pm_make(p, VALUE_TENSOR, &tensor);
    for (uint32_t i = 0; status == SM_OK && i < arguments->count; i++)
        status = pm_append(p, tensor, arguments->items[i]);
    return status ? status : pm_push(p, tensor);
}

static enum sm_status call(struct pickle *p, struct value *callee, struct value *arguments)
{
    if (arguments->kind != VALUE_TUPLE)
        return pm_damaged(p, "calls without arguments");
    switch (known_call(callee)) {
    case CALL_DICT:
        return pm_push_new(p, VALUE_DICT);
    case CALL_TENSOR:
        return push_tensor(p, arguments);
    case CALL_INERT:
        return push_object(p, callee);
    case CALL_FIRST:
        if (arguments->count == 0)
            return pm_damaged(p, "rebuilds a parameter from nothing");
        return pm_push(p, arguments->items[0]);
    case CALL_FROM_TYPE:
        if (arguments->count < 3 || arguments->items[2]->kind != VALUE_TUPLE)
            return pm_damaged(p, "rebuilds a tensor from nothing");
        if (known_call(arguments->items[0]) != CALL_TENSOR)
            return refuse(p, arguments->items[0]);
        return push_tensor(p, arguments->items[2]);
    case CALL_REFUSED:
        break;
    }
    return refuse(p, callee);
}

/* REDUCE: a function and its arguments. */
static enum sm_status reduce(struct pickle *p, int operand)
{
    (void)operand;
    struct value *arguments, *callee;
    enum sm_status status = pm_pop(p, &arguments);
    if (status == SM_OK)
        status = pm_pop(p, &callee);
    return status ? status : call(p, callee, arguments);
}

/* NEWOBJ, NEWOBJ_EX: an object of a class, made without its constructor. */
static enum sm_status new_object(struct pickle *p, int argument_count)
{
    struct value *ignored, *class = NULL;
    enum sm_status status = SM_OK;
    for (int i = 0; status == SM_OK && i < argument_count; i++)
        status = pm_pop(p, &ignored);
    if (status == SM_OK)
        status = pm_pop(p, &class);
    if (status)
        return status;
    if (class->kind != VALUE_GLOBAL || !known_harmless_class(class))
        return refuse(p, class);
    return known_call(class) == CALL_DICT ? pm_push_new(p, VALUE_DICT) : push_object(p, class);
}

/* INST and OBJ of protocols 0 and 1 call a class with what is above the mark. */
static enum sm_status call_marked(struct pickle *p, int named)
{
    size_t first = 0;
    struct value *callee = NULL, *arguments = NULL;
    enum sm_status status = named ? read_global(p, 0) : SM_OK;
    if (status == SM_OK && named)
        status = pm_pop(p, &callee);
    if (status == SM_OK)
        status = pm_find_mark(p, &first);
    if (status == SM_OK && !named) {
        if (first == p->depth)
            return pm_damaged(p, "calls nothing");
        callee = p->stack[first];
        memmove(p->stack + first, p->stack + first + 1, (p->depth - first - 1) * sizeof *p->stack);
        p->depth--;
    }
    if (status == SM_OK)
        status = push_marked(p, VALUE_TUPLE);
    if (status == SM_OK)
        status = pm_pop(p, &arguments);
    return status ? status : call(p, callee, arguments);
}

/* BUILD sets an object's state. An inert one has none; a dictionary's attributes are no items. */
static enum sm_status build(struct pickle *p, int operand)
{
    (void)operand;
    struct value *state;
    enum sm_status status = pm_pop(p, &state);
    if (status == SM_OK && p->depth == 0)
        return pm_damaged(p, "takes from an empty stack");
    return status;
}

static enum sm_status persistent_id(struct pickle *p, int operand)
{
    (void)operand;
    struct value *id, *storage;
    enum sm_status status = pm_pop(p, &id);
    if (status)
        return status;
    if (id->kind != VALUE_TUPLE || id->count < 5 || !value_is_text(id->items[0], "storage"))
        return sm_fail(
            p->err, SM_UNSUPPORTED,
            "%s: refused: it holds a whole Python object with its source, not a state_dict; "
            "save model.state_dict() instead",
            p->path);
    status = pm_make(p, VALUE_STORAGE, &storage);
    for (uint32_t i = 0; status == SM_OK && i < id->count; i++)
        status = pm_append(p, storage, id->items[i]);
    return status ? status : pm_push(p, storage);
}

/* ---- the opcodes ---- */

/* What an opcode does; operand is its variant: bytes of a length or index, number of items, a kind.
 */
typedef enum sm_status action(struct pickle *p, int operand);

static enum sm_status skip_bytes(struct pickle *p, int count)
{
    const char *ignored;
    return pm_take(p, (size_t)count, &ignored);
}

static enum sm_status stop(struct pickle *p, int operand)
{
    (void)operand;
    p->stopped = true;
    return SM_OK;
}

/* The values that all uses share. */
static enum sm_status push_shared(struct pickle *p, int opcode)
{
    switch (opcode) {
    case '(':
        return pm_push(p, &p->mark);
    case ')':
        return pm_push(p, &p->empty_tuple);
    case 'N':
        return pm_push(p, &p->none);
    case 1:
        return pm_push(p, &p->yes);
    default:
        return pm_push(p, &p->no);
    }
}

static enum sm_status push_empty(struct pickle *p, int kind)
{
    return pm_push_new(p, (enum value_kind)kind);
}

static enum sm_status push_items(struct pickle *p, int kind)
{
    return push_marked(p, (enum value_kind)kind);
}

static enum sm_status push_text(struct pickle *p, int length_bytes)
{
    return pm_push_span(p, VALUE_TEXT, length_bytes);
}

static enum sm_status push_bytes(struct pickle *p, int length_bytes)
{
    return pm_push_span(p, VALUE_BYTES, length_bytes);
}

static enum sm_status push_unsigned(struct pickle *p, int bytes)
{
    uint64_t number = 0;
    enum sm_status status = pm_take_number(p, bytes, &number);
    return status ? status : pm_push_int(p, (int64_t)number);
}

static enum sm_status push_signed(struct pickle *p, int bytes)
{
    uint64_t number = 0;
    enum sm_status status = pm_take_number(p, bytes, &number);
    return status ? status : pm_push_int(p, (int32_t)(uint32_t)number);
}

static enum sm_status push_text_int(struct pickle *p, int operand)
{
    (void)operand;
    return pm_push_text_int(p);
}

static enum sm_status push_float(struct pickle *p, int bytes)
{
    const char *line = NULL;
    size_t length = 0;
    enum sm_status status =
        bytes == LINE_OPERAND ? pm_take_line(p, &line, &length) : skip_bytes(p, bytes);
    return status ? status : pm_push(p, &p->other);
}

static enum sm_status put(struct pickle *p, int bytes)
{
    uint64_t index = p->memo_count; /* MEMOIZE has no operand */
    enum sm_status status = bytes ? pm_memo_operand(p, bytes, &index) : SM_OK;
    return status ? status : pm_memo_put(p, index);
}

static enum sm_status get(struct pickle *p, int bytes)
{
    uint64_t index = 0;
    enum sm_status status = pm_memo_operand(p, bytes, &index);
    return status ? status : pm_memo_get(p, index);
}

static enum sm_status drop(struct pickle *p, int operand)
{
    (void)operand;
    if (p->depth == 0)
        return pm_damaged(p, "takes from an empty stack");
    p->depth--;
    return SM_OK;
}

static enum sm_status drop_marked(struct pickle *p, int operand)
{
    (void)operand;
    size_t first = 0;
    enum sm_status status = pm_find_mark(p, &first);
    if (status == SM_OK)
        p->depth = first - 1;
    return status;
}

static enum sm_status duplicate(struct pickle *p, int operand)
{
    (void)operand;
    struct value *value = NULL;
    enum sm_status status = pm_pop(p, &value);
    if (status == SM_OK)
        status = pm_push(p, value);
    return status ? status : pm_push(p, value);
}

static enum sm_status push_frozen_set(struct pickle *p, int operand)
{
    enum sm_status status = drop_marked(p, operand);
    return status ? status : pm_push(p, &p->other);
}

/* clang-format off */
static const struct opcode {
    action *run;
    int operand;
} opcodes[256] = {
    [0x80] = {skip_bytes, 1},              [0x95] = {skip_bytes, 8},             /* protocol, frame */
    ['.']  = {stop, 0},                    ['(']  = {push_shared, '('},
    ['0']  = {drop, 0},                    ['1']  = {drop_marked, 0},
    ['2']  = {duplicate, 0},               ['N']  = {push_shared, 'N'},
    [0x88] = {push_shared, 1},             [0x89] = {push_shared, 0},
    ['I']  = {push_text_int, 0},           ['L']  = {push_text_int, 0},
    ['J']  = {push_signed, 4},             ['K']  = {push_unsigned, 1},
    ['M']  = {push_unsigned, 2},           [0x8a] = {pm_push_long, 1},
    [0x8b] = {pm_push_long, 4},            ['F']  = {push_float, LINE_OPERAND},
    ['G']  = {push_float, 8},              ['S']  = {push_text, LINE_OPERAND},
    ['V']  = {push_text, LINE_OPERAND},    ['U']  = {push_text, 1},
    [0x8c] = {push_text, 1},               ['T']  = {push_text, 4},
    ['X']  = {push_text, 4},               [0x8d] = {push_text, 8},
    ['C']  = {push_bytes, 1},              ['B']  = {push_bytes, 4},
    [0x8e] = {push_bytes, 8},              [0x96] = {push_bytes, 8},
    [')']  = {push_shared, ')'},           ['t']  = {push_items, VALUE_TUPLE},
    [0x85] = {push_tuple, 1},              [0x86] = {push_tuple, 2},
    [0x87] = {push_tuple, 3},              [']']  = {push_empty, VALUE_LIST},
    ['l']  = {push_items, VALUE_LIST},     ['a']  = {extend_by, 1},
    ['e']  = {extend, 1},                  ['}']  = {push_empty, VALUE_DICT},
    ['d']  = {push_items, VALUE_DICT},     ['s']  = {extend_by, 2},
    ['u']  = {extend, 2},                  [0x8f] = {push_empty, VALUE_OTHER},   /* a set */
    [0x90] = {extend, 1},                  [0x91] = {push_frozen_set, 0},
    ['p']  = {put, LINE_OPERAND},          ['q']  = {put, 1},
    ['r']  = {put, 4},                     [0x94] = {put, 0},
    ['g']  = {get, LINE_OPERAND},          ['h']  = {get, 1},
    ['j']  = {get, 4},                     ['c']  = {read_global, 0},
    [0x93] = {stack_global, 0},            ['R']  = {reduce, 0},
    [0x81] = {new_object, 1},              [0x92] = {new_object, 2},
    ['i']  = {call_marked, 1},             ['o']  = {call_marked, 0},
    ['b']  = {build, 0},                   ['Q']  = {persistent_id, 0},
};
/* clang-format on */

static enum sm_status step(struct pickle *p, unsigned char code)
{
    const struct opcode *opcode = &opcodes[code];
    if (!opcode->run)
        return sm_fail(p->err, SM_UNSUPPORTED, "%s: refused: unknown pickle opcode 0x%02x", p->path,
                       code);
    return opcode->run(p, opcode->operand);
}

static enum sm_status run(struct pickle *p, const struct value **result)
{
    enum sm_status status = SM_OK;
    while (status == SM_OK && !p->stopped) {
        const char *opcode = NULL;
        status = pm_take(p, 1, &opcode);
        if (status == SM_OK)
            status = step(p, (unsigned char)*opcode);
    }
    struct value *top = NULL;
    if (status == SM_OK)
        status = pm_pop(p, &top);
    if (status == SM_OK)
        *result = top;
    return status;
}

enum sm_status pickle_load(struct pickle **pickle, const struct value **result, const char *bytes,
                           size_t size, size_t *end, size_t budget, const char *path,
                           struct sm_err *err)
{
    *pickle = NULL;
    struct pickle *p = calloc(1, sizeof *p);
    if (!p)
        return sm_fail(err, SM_MEMORY, "%s: out of memory", path);
    *p = (struct pickle){.budget = budget,
                         .at = bytes,
                         .end = bytes + size,
                         .path = path,
                         .err = err,
                         .empty_tuple = {.kind = VALUE_TUPLE},
                         .none = {.kind = VALUE_NONE},
                         .yes = {.kind = VALUE_BOOL, .integer = 1},
                         .no = {.kind = VALUE_BOOL},
                         .other = {.kind = VALUE_OTHER},
                         .mark = {.kind = VALUE_MARK}};
    enum sm_status status = run(p, result);
    *end = (size_t)(p->at - bytes);
    if (status) {
        pickle_free(p);
        return status;
    }
    *pickle = p;
    return SM_OK;
}

void pickle_free(struct pickle *p)
{
    if (!p)
        return;
    for (struct chunk *chunk = p->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        for (size_t i = 0; i < CHUNK_VALUES; i++)
            if (pm_has_items(&chunk->values[i]))
                free(chunk->values[i].items);
        free(chunk);
    }
    free(p->stack);
    free(p->memo);
    free(p);
}

/* ---- looking at values ---- */

size_t pickle_storages(const struct pickle *p, const struct value **out)
{
    size_t count = 0;
    for (const struct chunk *chunk = p->chunks; chunk; chunk = chunk->next)
        for (size_t i = 0; i < CHUNK_VALUES; i++)
            if (chunk->values[i].kind == VALUE_STORAGE) {
                if (out)
                    out[count] = &chunk->values[i];
                count++;
            }
    return count;
}

bool value_is_text(const struct value *value, const char *text)
{
    return value->kind == VALUE_TEXT && strlen(text) == value->count &&
           memcmp(value->text, text, value->count) == 0;
}

const struct value *value_get(const struct value *dict, const char *key)
{
    if (dict->kind != VALUE_DICT)
        return NULL;
    for (uint32_t i = dict->count / 2; i > 0; i--)
        if (value_is_text(dict->items[2 * i - 2], key))
            return dict->items[2 * i - 1];
    return NULL;
}

void value_global_name(const struct value *global, char *name, size_t size)
{
    const struct value *module = global->items[0], *item = global->items[1];
    snprintf(name, size, "%.*s.%.*s", (int)(module->count < MAX_NAME ? module->count : MAX_NAME),
             module->text, (int)(item->count < MAX_NAME ? item->count : MAX_NAME), item->text);
    for (; *name; name++)
        if ((unsigned char)*name < 0x20 || (unsigned char)*name > 0x7e)
            *name = '?';
}
