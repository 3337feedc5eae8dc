/* make_phantoms.c - makes what lies in data/ct, data/mr and data/ct-dicom.
 *
 *     build/make_phantoms DIR      writes DIR/ct, DIR/mr and DIR/ct-dicom (see data/README.md)
 */
#include "phantom.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static int make(void (*describe)(struct phantom *), const char *where)
{
    static struct phantom phantom;
    struct pictures pictures = {NULL, NULL};
    char folder[900];
    describe(&phantom);
    snprintf(folder, sizeof folder, "%s/%s", where, phantom.name);
    int failed = mkdir(folder, 0777) && errno != EEXIST;
    if (failed)
        perror(folder);
    if (!failed && phantom_scan(&phantom, &pictures)) {
        fprintf(stderr, "make_phantoms: not enough memory for %s\n", phantom.name);
        failed = 1;
    }
    if (!failed)
        failed = phantom_write(&phantom, &pictures, folder);
    free(pictures.image);
    free(pictures.truth);
    return failed;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: make_phantoms DIR\n");
        return 1;
    }
    return make(phantom_ct, argv[1]) || make(phantom_mr, argv[1]) || make(phantom_ct_dicom, argv[1]) ? 7 : 0;
}
