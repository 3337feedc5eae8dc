// The door: plan, build, name, save.
#include <memory>
#include <vector>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcfilefo.h>
#include <dcmtk/dcmdata/dcostrmb.h>

extern "C" {
#include "base/output.h"
}
#include "dicom/library.h"
#include "dicom/seg.h"

namespace dicom {

// Through our own output, which sees a full disk, which DCMTK's file stream need not.
static enum sm_status write_header(DcmFileFormat &file, struct output &output, struct sm_err *err)
{
    std::vector<char> room(1 << 20);
    DcmOutputBufferStream stream(room.data(), (offile_off_t)room.size());
    enum sm_status status = SM_OK;
    OFCondition state = file.validateMetaInfo(EXS_LittleEndianExplicit);
    file.transferInit();
    do {
        void *chunk = nullptr;
        offile_off_t length = 0;
        if (state.good() || state == EC_StreamNotifyClient)
            state = file.write(stream, EXS_LittleEndianExplicit, EET_ExplicitLength, nullptr);
        stream.flushBuffer(chunk, length);
        status = output_write(&output, chunk, (size_t)length, err);
    } while (!status && state == EC_StreamNotifyClient);
    file.transferEnd();
    if (!status && state.bad())
        status = sm_fail(err, SM_OUTPUT, "%s: cannot be encoded as DICOM: %s", output.path, state.text());
    return status;
}

static enum sm_status save(DcmFileFormat &file, const SegPlan &plan, const char *path, struct sm_err *err)
{
    struct output output = {};
    enum sm_status status = output_open(&output, path, err);
    if (status)
        return status;
    try {
        status = write_header(file, output, err);
        if (!status)
            status = seg_write_pixels(output, plan, err);
    } catch (...) {
        output_discard(&output);
        throw;
    }
    if (!status)
        return output_commit(&output, err);
    output_discard(&output);
    return status;
}

static enum sm_status write_seg(const char *path, SegPlan &plan, struct sm_err *err)
{
    enum sm_status status = seg_plan(plan, path, err);
    if (status)
        return status;
    DcmFileFormat file;
    DcmDataset &data = *file.getDataset();
    seg_add_modules(data, plan);
    seg_add_segments(data, plan);
    seg_add_groups(data, plan);
    status = seg_add_uids(data, plan, err);
    return status ? status : save(file, plan, path, err);
}

} // namespace dicom

extern "C" enum sm_status sm_dicom_write_seg(const char *path, const struct sm_volume *volume,
                                             const struct sm_seg_object *objects, size_t count,
                                             const struct sm_seg_options *options, struct sm_err *err)
{
    return dicom::guarded(err, path, [&] {
        dicom::SegPlan plan = {};
        plan.volume = volume;
        plan.objects = objects;
        plan.count = count;
        plan.options = options;
        return dicom::write_seg(path, plan, err);
    });
}

extern "C" const char *sm_dicom_series_uid(const struct sm_volume *volume)
{
    return volume->dicom ? volume->dicom->series_uid.c_str() : nullptr;
}
