/* write_vit PRESET SIDE OUT.h5 - a weights file of a full-size network with hashed weights
 * (lib/hash_weights.h), for what only size shows: start-up, memory, time. Exit status as the program's. */
#include <stdio.h>
#include <stdlib.h>
#include "h5/h5.h"
#include "lib/hash_weights.h"
#include "model/config.h"
#include "model/save.h"

int main(int argc, char **argv)
{
    uint64_t seed = 1;
    struct tensor_source source = hash_source(&seed);
    struct sm_config config;
    struct sm_model *model = NULL;
    struct h5_out *out = NULL;
    struct sm_err err = {0};
    if (argc != 4 || !config_preset(&config, argv[1], atoi(argv[2]), true)) {
        fprintf(stderr, "usage: write_vit PRESET SIDE OUT.h5\n");
        return SM_USAGE;
    }
    enum sm_status status = model_from_source(&model, &config, &source, &err);
    if (!status)
        status = h5_create(&out, argv[3], &err);
    if (!status)
        status = model_save(model, out, NULL, NULL, &err);
    if (out && status)
        h5_discard(out);
    else if (out)
        status = h5_commit(out, &err);
    if (status)
        fprintf(stderr, "%s\n", err.message);
    sm_model_close(model);
    return (int)status;
}
