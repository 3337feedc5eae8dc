/* model/config_attributes.h - the configuration as root attributes of a weights file: sammed2d-weights(5). One table
 * says what is read and what is written.
 */
#ifndef MODEL_CONFIG_ATTRIBUTES_H
#define MODEL_CONFIG_ATTRIBUTES_H

#include "model/config.h"

enum attribute_kind {
    ATTRIBUTE_WHOLE,  /* int or bool, from min to max */
    ATTRIBUTE_COUNT,  /* int, and */
    ATTRIBUTE_FACTOR, /* double: both may be missing, in files written before there was such a thing */
    ATTRIBUTE_TRIPLE, /* float[3] */
    ATTRIBUTE_BLOCKS, /* bool[SM_MAX_DEPTH], as the numbers of those that are true */
    ATTRIBUTE_WINDOW, /* struct sm_window, as text; it and what follows is written by config_write_texts */
    ATTRIBUTE_CHOICE, /* int or bool, as one of `words` */
    ATTRIBUTE_TEXT    /* char[], which nothing is computed from: it may be missing */
};

struct attribute {
    const char *name;
    enum attribute_kind kind;
    size_t at, size;                   /* of the field in struct sm_config */
    int64_t min, max;                  /* WHOLE */
    const char *const *(*words)(void); /* CHOICE: in the order of the enumeration, NULL at the end */
    bool (*makes_sense)(double);       /* COUNT, FACTOR */
    const char *expected;              /* in words */
};
/* In the order of writing; a name of NULL ends them. */
extern const struct attribute config_attributes[];

/* The value of a WHOLE, a COUNT or a CHOICE. */
int attribute_value(const struct attribute *attribute, const struct sm_config *config);
/* All of them into *config; see config_read. */
enum sm_status attributes_read(struct sm_config *config, const struct h5 *file, bool complete, struct sm_err *err);

#endif
