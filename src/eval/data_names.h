/* eval/data_names.h - what data sets are called in one evaluation: equal names in several folders are told apart.
 */
#ifndef EVAL_DATA_NAMES_H
#define EVAL_DATA_NAMES_H

#include "eval/evaluation.h"

struct data_names {
    struct named_data {
        char *folder;       /* real path; of a JSON file: of the folder that it lies in */
        struct words names; /* of the data sets in it */
    } * list;
    size_t count;
};

/* SM_USAGE: two of them are the same folder or file, whose cases would count twice. Free with data_names_free,
 * whatever the status. */
enum sm_status data_names_make(struct data_names *names, struct sm_dataset *const *data, size_t count,
                               struct sm_err *err);
void data_names_free(struct data_names *names);
/* `name`, or, where other folders than that of data set `number` have one of that name, so many last folders of
 * the path that none are alike: "da/ct" and "db/ct". Malloc'ed; NULL: out of memory. */
char *data_names_of(const struct data_names *names, size_t number, const char *name);
#endif
