#include <math.h>
#include <string.h>
#include <nifti2_io.h>
#include "nifti/header.h"

static const struct nifti_type types[] = {
    {DT_UINT8, "uint8", 1, true, SM_UINT8},
    {DT_INT8, "int8", 1, true, SM_INT8},
    {DT_UINT16, "uint16", 2, true, SM_UINT16},
    {DT_INT16, "int16", 2, true, SM_INT16},
    {DT_UINT32, "uint32", 4, true, SM_UINT32},
    {DT_INT32, "int32", 4, true, SM_INT32},
    {DT_UINT64, "uint64", 8, true, SM_UINT64},
    {DT_INT64, "int64", 8, true, SM_INT64},
    {DT_FLOAT32, "float32", 4, true, SM_FLOAT32},
    {DT_FLOAT64, "float64", 8, true, SM_FLOAT64},
    {DT_FLOAT128, "float128", 16, false, 0},
    {DT_COMPLEX64, "complex64", 8, false, 0},
    {DT_COMPLEX128, "complex128", 16, false, 0},
    {DT_COMPLEX256, "complex256", 32, false, 0},
    {DT_RGB24, "RGB", 3, false, 0},
    {DT_RGBA32, "RGBA", 4, false, 0},
};

static const struct nifti_type *find_type(int code)
{
    for (size_t t = 0; t < sizeof types / sizeof *types; t++)
        if (types[t].code == code)
            return &types[t];
    return NULL;
}

/* What both versions say, before it is checked. */
struct raw {
    int64_t dim[8];
    int datatype;
    double vox_offset, slope, intercept;
    int intent;
};

/* The fields have the same names and other types in the two versions. */
#define COPY_FIELDS(raw, header, h)                                                                \
    do {                                                                                           \
        for (int d = 0; d < 8; d++) {                                                              \
            (raw)->dim[d] = (h)->dim[d];                                                           \
            (header)->forms.pixdim[d] = (h)->pixdim[d];                                            \
        }                                                                                          \
        for (int c = 0; c < 4; c++) {                                                              \
            (header)->forms.srow_x[c] = (h)->srow_x[c];                                            \
            (header)->forms.srow_y[c] = (h)->srow_y[c];                                            \
            (header)->forms.srow_z[c] = (h)->srow_z[c];                                            \
        }                                                                                          \
        (raw)->datatype = (h)->datatype;                                                           \
        (raw)->vox_offset = (double)(h)->vox_offset;                                               \
        (raw)->slope = (h)->scl_slope;                                                             \
        (raw)->intercept = (h)->scl_inter;                                                         \
        (raw)->intent = (h)->intent_code;                                                          \
        (header)->forms.qform_code = (h)->qform_code;                                              \
        (header)->forms.sform_code = (h)->sform_code;                                              \
        (header)->forms.xyzt_units = (h)->xyzt_units;                                              \
        (header)->forms.quatern_b = (h)->quatern_b;                                                \
        (header)->forms.quatern_c = (h)->quatern_c;                                                \
        (header)->forms.quatern_d = (h)->quatern_d;                                                \
        (header)->forms.qoffset_x = (h)->qoffset_x;                                                \
        (header)->forms.qoffset_y = (h)->qoffset_y;                                                \
        (header)->forms.qoffset_z = (h)->qoffset_z;                                                \
        memcpy((header)->description, (h)->descrip, 80);                                           \
    } while (0)

/* Control characters become spaces; what is not UTF-8 becomes question marks. */
static void clean_text(char *text)
{
    int follow = 0;
    bool utf8 = true;
    for (unsigned char *c = (unsigned char *)text; *c; c++) {
        if (*c < 32 || *c == 127)
            *c = ' ';
        if (follow)
            utf8 = utf8 && (*c & 0xc0) == 0x80, follow--;
        else if (*c >= 0x80)
            utf8 = utf8 && *c >= 0xc2 && *c < 0xf0, follow = *c >= 0xe0 ? 2 : 1;
    }
    for (unsigned char *c = (unsigned char *)text; *c && !(utf8 && !follow); c++)
        if (*c >= 0x80)
            *c = '?';
    for (size_t n = strlen(text); n && text[n - 1] == ' '; n--)
        text[n - 1] = 0;
}

static enum sm_status not_nifti(const void *bytes, size_t count, const char *path,
                                struct sm_err *err)
{
    int32_t size = 0;
    if (count >= 12 && memcmp(bytes, "<nifti_image", 12) == 0)
        return sm_fail(err, SM_UNSUPPORTED,
                       "%s: NIfTI's ASCII form is not read; convert it to .nii", path);
    if (count >= sizeof size)
        memcpy(&size, bytes, sizeof size);
    return sm_fail(err, SM_CORRUPT,
                   "%s: not a NIfTI file: it begins with the header size %ld, where 348 (NIfTI-1) "
                   "or 540 (NIfTI-2) is expected",
                   path, (long)size);
}

static enum sm_status short_header(size_t count, size_t expected, const char *path,
                                   struct sm_err *err)
{
    return sm_fail(err, SM_CORRUPT,
                   "%s: only %zu bytes, but a NIfTI header has %zu: the file is cut short", path,
                   count, expected);
}

static enum sm_status copy_nifti_1(struct nifti_header *header, struct raw *raw, const void *bytes,
                                   const char *path, struct sm_err *err)
{
    nifti_1_header h;
    memcpy(&h, bytes, sizeof h);
    if (memcmp(h.magic, "n+1", 4) != 0 && memcmp(h.magic, "ni1", 4) != 0)
        return sm_fail(err, SM_UNSUPPORTED,
                       "%s: an ANALYZE 7.5 header (no NIfTI magic), which does not say which side is "
                       "left; convert it to NIfTI with a tool that knows where it came from",
                       path);
    header->one_file = h.magic[1] == '+';
    if (header->swapped)
        swap_nifti_header(&h, 1);
    COPY_FIELDS(raw, header, &h);
    return SM_OK;
}

static enum sm_status copy_nifti_2(struct nifti_header *header, struct raw *raw, const void *bytes,
                                   const char *path, struct sm_err *err)
{
    nifti_2_header h;
    memcpy(&h, bytes, sizeof h);
    if (memcmp(h.magic, "n+2", 4) != 0 && memcmp(h.magic, "ni2", 4) != 0)
        return sm_fail(err, SM_CORRUPT, "%s: a NIfTI-2 header without its magic \"n+2\" or \"ni2\"",
                       path);
    if (memcmp(h.magic + 4, "\r\n\032\n", 4) != 0)
        return sm_fail(err, SM_CORRUPT,
                       "%s: the NIfTI-2 magic is damaged, as a transfer in text mode does; copy the "
                       "file again in binary mode",
                       path);
    header->one_file = h.magic[1] == '+';
    if (header->swapped)
        swap_nifti_header(&h, 2);
    COPY_FIELDS(raw, header, &h);
    if (raw->intent >= 3000 && raw->intent < 3100)
        return sm_fail(err, SM_UNSUPPORTED,
                       "%s: CIFTI data on a surface, not a volume of voxels", path);
    header->forms.nifti2 = true;
    return SM_OK;
}

static enum sm_status copy_fields(struct nifti_header *header, struct raw *raw, const void *bytes,
                                  size_t count, const char *path, struct sm_err *err)
{
    int32_t size = 0;
    if (count >= sizeof size)
        memcpy(&size, bytes, sizeof size);
    int32_t reversed = (int32_t)__builtin_bswap32((uint32_t)size);
    header->swapped = reversed == NIFTI_1_BYTES || reversed == NIFTI_2_BYTES;
    if (header->swapped)
        size = reversed;
    if (size != NIFTI_1_BYTES && size != NIFTI_2_BYTES)
        return not_nifti(bytes, count, path, err);
    if (count < (size_t)size)
        return short_header(count, (size_t)size, path, err);
    header->version = size == NIFTI_1_BYTES ? 1 : 2;
    return header->version == 1 ? copy_nifti_1(header, raw, bytes, path, err)
                                : copy_nifti_2(header, raw, bytes, path, err);
}

static enum sm_status check_dim(struct nifti_header *header, const struct raw *raw,
                                const char *path, struct sm_err *err)
{
    if (raw->dim[0] < 1 || raw->dim[0] > 7)
        return sm_fail(err, SM_CORRUPT, "%s: the header says %lld dimensions; 1 to 7 are possible",
                       path, (long long)raw->dim[0]);
    for (int d = 1; d <= 7; d++) {
        /* beyond the third, some writers leave 0 where they mean 1 */
        bool unused = d > raw->dim[0] || (d > 3 && raw->dim[d] == 0);
        header->dim[d - 1] = unused ? 1 : raw->dim[d];
        if (header->dim[d - 1] < 1)
            return sm_fail(err, SM_CORRUPT, "%s: dimension %d is %lld; at least 1 is expected",
                           path, d, (long long)raw->dim[d]);
    }
    for (int d = 0; d < 3; d++)
        if (header->dim[d] > INT32_MAX)
            return sm_fail(err, SM_CORRUPT, "%s: dimension %d is %lld, more than can be real", path,
                           d + 1, (long long)header->dim[d]);
    return SM_OK;
}

/* nifti1.h: in one file, an offset below 352 means 352 (544 for NIfTI-2): the header and its four
 * extension bytes. 0 is common; anything else below is worth a word. */
static enum sm_status check_offset(struct nifti_header *header, const struct raw *raw,
                                   const char *path, const struct sm_listener *listener,
                                   struct sm_err *err)
{
    double least = !header->one_file ? 0 : 4 + (header->version == 1 ? NIFTI_1_BYTES : NIFTI_2_BYTES);
    double offset = raw->vox_offset;
    if (!(offset >= 0 && offset < 9e18) || offset != floor(offset))
        return sm_fail(err, SM_CORRUPT,
                       "%s: the header says that voxels begin at byte %g; a whole number of at least "
                       "%g is expected",
                       path, offset, least);
    if (offset > 0 && offset < least)
        sm_warn(listener, "%s: the header says that voxels begin at byte %g; at least %g is taken",
                path, offset, least);
    header->vox_offset = (int64_t)fmax(offset, least);
    return SM_OK;
}

static void set_rescale(struct nifti_header *header, const struct raw *raw, const char *path,
                        const struct sm_listener *listener)
{
    header->slope = 1;
    header->intercept = 0;
    if (raw->slope == 0 || !isfinite(raw->slope)) /* 0: not scaled; NaN: how nibabel says so */
        return;
    header->slope = raw->slope;
    if (isfinite(raw->intercept))
        header->intercept = raw->intercept;
    else
        sm_warn(listener, "%s: scl_inter is not a number; 0 is taken", path);
}

enum sm_status nifti_header_parse(struct nifti_header *header, const void *bytes, size_t count,
                                  const char *path, const struct sm_listener *listener,
                                  struct sm_err *err)
{
    struct raw raw = {0};
    *header = (struct nifti_header){.forms.present = true};
    enum sm_status status = copy_fields(header, &raw, bytes, count, path, err);
    if (status != SM_OK)
        return status;
    clean_text(header->description);
    status = check_dim(header, &raw, path, err);
    if (status == SM_OK)
        status = check_offset(header, &raw, path, listener, err);
    if (status != SM_OK)
        return status;
    if (raw.datatype == DT_BINARY)
        return sm_fail(err, SM_UNSUPPORTED, "%s: one-bit voxels are not read; convert to uint8",
                       path);
    header->type = find_type(raw.datatype);
    if (!header->type)
        return sm_fail(err, SM_CORRUPT, "%s: data type %d is none that NIfTI knows", path,
                       raw.datatype);
    set_rescale(header, &raw, path, listener);
    return SM_OK;
}

bool nifti_header_sizes(const struct nifti_header *header, uint64_t *volume, uint64_t *all)
{
    *all = header->type->bytes;
    for (int d = 0; d < 7; d++) {
        if (__builtin_mul_overflow(*all, (uint64_t)header->dim[d], all) || *all > INT64_MAX)
            return false;
        if (d == 2)
            *volume = *all;
    }
    return true;
}

int64_t nifti_header_volumes(const struct nifti_header *header)
{
    return header->dim[3] * header->dim[4] * header->dim[5] * header->dim[6];
}
