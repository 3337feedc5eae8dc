/* dataset/dataset_internal.h - a data set as its layouts fill it. */
#ifndef DATASET_DATASET_INTERNAL_H
#define DATASET_DATASET_INTERNAL_H

#include "base/json.h"
#include "sammed2d/dataset.h"

/* One row of "labels": a name, and the values it stands for (several: a region of nnU-Net's). */
struct named {
    const char *name;
    uint16_t *values;
    size_t count;
};
struct names {
    struct named *list;
    size_t count;
    bool regions; /* some name has several values */
};

/* What the cases of one JSON file have in common. */
enum { CHANNELS = 64 };
struct source {
    struct names names;              /* empty: the label files name their values themselves */
    const char *modality[CHANNELS];  /* of each channel; NULL: not said */
    struct source *next;
};

enum entry_kind {
    ENTRY_MAP,  /* files[0] has label values, or is a SEG */
    ENTRY_MASKS /* each file is the mask of one object */
};
struct entry {
    struct sm_case about;
    enum entry_kind kind;
    struct source *source;
    const char **files;   /* about.files */
    const char **objects; /* MASKS: name of each file's object */
    bool separate;        /* channels are files CASE_0000, CASE_0001 ... */
    const char *patient;  /* cases of one are of one subject; not to be shown */
};

struct sm_dataset {
    const char *path; /* that it was opened with */
    struct entry *entries;
    size_t count, room;
    char **texts; /* every string there is */
    size_t text_count, text_room;
    struct source *sources;
    int channel;
    size_t left_out; /* files that are not there, folders and masks that cannot be read */
    bool starved; /* memory ran out; asked once, at the end */
    /* while it is being opened */
    const struct sm_listener *listener;
    const char *prefix; /* of names: "FOLDER/", or "" */
    size_t missing;     /* files that are not there, of the folder in work */
    char first_missing[512];
};

/* ---- texts (NULL, and starved, when memory is out) ---- */

const char *dataset_text(struct sm_dataset *dataset, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The file's name without folders and without .png, .nii.gz ... */
const char *dataset_stem(struct sm_dataset *dataset, const char *path);
/* Where the suffix .png, .nii.gz ... starts; the end where there is none. */
const char *dataset_suffix(const char *path);
bool dataset_is_image_name(const char *path); /* has such a suffix */

/* ---- paths ---- */

/* A regular file, so that no reader waits for a pipe or a terminal. */
bool dataset_is_file(const char *path);
bool dataset_is_folder(const char *path);
/* No empty text and no "..": what it names lies below where one starts. */
bool dataset_path_is_tame(const char *path);
/* The folder of a file, or "." */
const char *dataset_folder(struct sm_dataset *dataset, const char *path);
/* A folder's own name, also of ".". */
const char *dataset_folder_name(struct sm_dataset *dataset, const char *folder);
/* Sorted names of a folder's entries without hidden ones. Free each and the list. */
enum sm_status dataset_list(char ***names, size_t *count, const char *folder, struct sm_err *err);
void dataset_list_free(char **names, size_t count);
/* One file that is not there: counted, the first one's name and where it was looked for is kept. */
void dataset_miss(struct sm_dataset *dataset, const char *path, const char *where);

/* ---- entries ---- */

struct source *dataset_source(struct sm_dataset *dataset);
/* A new case with room for `files` label files; texts of `about` that are NULL become "". A name "" is that of the
 * folder it comes from. Valid until the next. */
struct entry *dataset_add(struct sm_dataset *dataset, const struct sm_case *about, size_t files);
void dataset_drop(struct sm_dataset *dataset); /* the last one */
/* The modality that a file or folder name starts with (ct_, mr_ ...), or "". */
const char *dataset_modality_of_name(const char *name);
/* DICOM's word for "MRI", "T2" ..., or NULL. */
const char *dataset_modality_of_word(const char *word);

/* ---- JSON: `path` is for sentences ---- */

/* {"1": "liver"}, {"liver": 1}, {"tumour": [1, 2]}, ["background", "liver"] or [{"id": 1, "name": "liver"}]. */
enum sm_status names_from_json(struct sm_dataset *dataset, struct names *names, const json_t *json,
                               const char *path, struct sm_err *err);
void names_free(struct names *names);
/* Renames and regroups what was read; background and ignore go. */
enum sm_status names_apply(const struct names *names, struct sm_label_set *set, struct sm_err *err);

/* "subjects": "name" or "pairs", or {case: subject}, for the entries from `first` on. */
enum sm_status subjects_from_json(struct sm_dataset *dataset, size_t first, const json_t *json,
                                  const char *path, struct sm_err *err);
/* Subjects by the names alone, for the entries from `first` on. */
enum sm_status subjects_by_pairs(struct sm_dataset *dataset, size_t first, struct sm_err *err);
/* Gives every subject its number. */
enum sm_status subjects_number(struct sm_dataset *dataset, struct sm_err *err);

/* ---- layouts: add the cases of one folder ---- */

/* folder: where it lies; json: of the file `path`. */
enum sm_status layout_sa_med2d(struct sm_dataset *dataset, const char *path, const json_t *json,
                               struct sm_err *err);
enum sm_status layout_nnunet(struct sm_dataset *dataset, const char *path, const json_t *json,
                             struct sm_err *err);
enum sm_status layout_one(struct sm_dataset *dataset, const char *path, const json_t *json,
                          struct sm_err *err);
/* images/ and `labels`; json may be NULL. */
enum sm_status layout_folders(struct sm_dataset *dataset, const char *folder, const char *labels,
                              const char *path, const json_t *json, struct sm_err *err);
/* Series of the tree with the masks that refer to them; there may be none. */
enum sm_status layout_dicom(struct sm_dataset *dataset, const char *folder, struct sm_err *err);
/* True for a file name of SA-Med2D's. */
bool layout_sa_med2d_is(const char *name);

#endif
