/* What a segment is, out of the JSON of dcmqi's itkimage2segimage (its schema: seg-schema.json). */
#include <ctype.h>
#include <string.h>
#include "cmd/segment.h"

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text && *text ? text : NULL;
}

const char *segment_meta_text(const json_t *json, const char *key)
{
    return text_of(json, key);
}

/* segmentAttributes is a list for each input file of dcmqi's, or one list. */
static const json_t *find_item(const json_t *list, int id)
{
    size_t n;
    json_t *entry;
    json_array_foreach(list, n, entry) {
        const json_t *found = json_is_array(entry) ? find_item(entry, id) : NULL;
        if (found)
            return found;
        if (json_is_object(entry) && json_integer_value(json_object_get(entry, "labelID")) == id)
            return entry;
    }
    return NULL;
}

static bool copy(char *to, size_t size, const char *text)
{
    if (!text || strlen(text) >= size)
        return false;
    strcpy(to, text);
    return true;
}

/* A code sequence; absent: the code stays empty. False: one that cannot be used. */
static bool read_code(struct sm_code *code, const json_t *item, const char *key)
{
    const json_t *json = json_object_get(item, key);
    *code = (struct sm_code){0};
    if (!json)
        return true;
    return copy(code->value, sizeof code->value, text_of(json, "CodeValue")) &&
           copy(code->scheme, sizeof code->scheme, text_of(json, "CodingSchemeDesignator")) &&
           copy(code->meaning, sizeof code->meaning, text_of(json, "CodeMeaning"));
}

static enum sm_status read_codes(struct sm_segment_meaning *meaning, const json_t *item,
                                 const char *path, int id, struct sm_err *err)
{
    const struct {
        const char *key;
        struct sm_code *code;
        bool required;
    } rows[] = {{"SegmentedPropertyCategoryCodeSequence", &meaning->category, true},
                {"SegmentedPropertyTypeCodeSequence", &meaning->type, true},
                {"SegmentedPropertyTypeModifierCodeSequence", &meaning->modifier, false},
                {"AnatomicRegionSequence", &meaning->region, false},
                {"AnatomicRegionModifierSequence", &meaning->region_modifier, false}};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
        if (!read_code(rows[r].code, item, rows[r].key) || (rows[r].required && !*rows[r].code->value))
            return sm_fail(err, SM_CORRUPT, "%s: labelID %d: %s needs a CodeValue and a "
                           "CodingSchemeDesignator of at most 16 characters and a CodeMeaning of at "
                           "most 64", path, id, rows[r].key);
    return SM_OK;
}

static void read_colour(struct sm_segment_meaning *meaning, const json_t *item)
{
    const json_t *json = json_object_get(item, "recommendedDisplayRGBValue");
    int rgb[3];
    if (json_array_size(json) != 3)
        return;
    for (size_t c = 0; c < 3; c++)
        rgb[c] = (int)json_number_value(json_array_get(json, c));
    sm_segment_meaning_colour(meaning, rgb);
}

/* Components without a leading zero, PS3.5 9.1. */
static bool is_uid(const char *text)
{
    size_t length = strlen(text);
    for (const char *c = text; *c; c++) {
        bool first = c == text || c[-1] == '.', last = !c[1] || c[1] == '.';
        if (*c == '.' ? first : !isdigit((unsigned char)*c) || (*c == '0' && first && !last))
            return false;
    }
    return length > 0 && length <= 64 && text[length - 1] != '.';
}

static enum sm_status read_tracking(struct segment_meta *meta, const json_t *item, const char *path, int id,
                                    struct sm_err *err)
{
    const char *const keys[] = {"TrackingIdentifier", "TrackingUniqueIdentifier"};
    const char **texts[] = {&meta->tracking_id, &meta->tracking_uid};
    for (size_t k = 0; k < 2; k++) {
        const json_t *value = json_object_get(item, keys[k]);
        if (value && !json_is_string(value))
            return sm_fail(err, SM_CORRUPT, "%s: labelID %d: %s is not a text in quotes", path, id, keys[k]);
        *texts[k] = text_of(item, keys[k]);
    }
    if (!meta->tracking_uid || (meta->tracking_id && is_uid(meta->tracking_uid)))
        return SM_OK;
    return sm_fail(err, SM_CORRUPT, meta->tracking_id
                       ? "%s: labelID %d: TrackingUniqueIdentifier is no UID: numbers without leading zeros, points between them, at most 64 characters"
                       : "%s: labelID %d: a TrackingUniqueIdentifier needs a TrackingIdentifier beside it", path, id);
}

enum sm_status segment_meta_find(bool *found, struct segment_meta *meta, const json_t *json,
                                 const char *path, int id, const char *name, struct sm_err *err)
{
    const json_t *list = json_object_get(json, "segmentAttributes");
    if (!json_is_array(list))
        return sm_fail(err, SM_CORRUPT, "%s: no list \"segmentAttributes\"; --meta takes the JSON of "
                       "dcmqi's itkimage2segimage", path);
    const json_t *item = find_item(list, id);
    *found = item != NULL;
    if (!item)
        return SM_OK;
    sm_segment_meaning_find(&meta->meaning, name);
    meta->meaning.generic = false;
    meta->meaning.description = text_of(item, "SegmentDescription");
    if (text_of(item, "SegmentLabel"))
        meta->meaning.label = text_of(item, "SegmentLabel");
    read_colour(&meta->meaning, item);
    enum sm_status status = read_codes(&meta->meaning, item, path, id, err);
    return status ? status : read_tracking(meta, item, path, id, err);
}

/* ids: of labels in the JSON that no object has, with commas, as many as there is room for. */
static void list_unused(const json_t *list, const struct sm_prompts *prompts, char *ids, size_t size)
{
    size_t n;
    json_t *entry;
    json_array_foreach(list, n, entry)
    {
        const json_t *label = json_object_get(entry, "labelID");
        bool used = !json_is_integer(label);
        for (size_t o = 0; o < prompts->count && !used; o++)
            used = prompts->objects[o].id == json_integer_value(label);
        size_t length = strlen(ids);
        if (!used)
            snprintf(ids + length, size - length, "%s%lld", length ? ", " : "", (long long)json_integer_value(label));
        if (json_is_array(entry))
            list_unused(entry, prompts, ids, size);
    }
}

void segment_meta_warn(const json_t *json, const char *path, const struct sm_prompts *prompts)
{
    char ids[200] = "";
    list_unused(json_object_get(json, "segmentAttributes"), prompts, ids, sizeof ids);
    if (*ids)
        sm_warn(cmd_listener(),
                "%s: no object has the labelID %s; what is said of it is not used (--json and the label "
                "map's .json tell the objects' ids)",
                path, ids);
}
