#include "dicom/seg_read.h"

#include <algorithm>

namespace dicom {

// Which segments there are: those that have a frame, or (LabelMap) a pixel.
static sm_status find_used(std::vector<bool> &used, const Seg &seg, SegPixels &pixels,
                           const Masks &masks, const MaskRequest &request)
{
    used.assign(masks.size(), false);
    if (seg.kind != SegKind::LabelMap) {
        for (const MaskFrame &frame : seg.frames)
            used[(size_t)frame.segment] = true;
        return SM_OK;
    }
    std::vector<bool> present(65536, false);
    std::string reason;
    for (const MaskFrame &frame : seg.frames) {
        if (sm_cancelled(request.listener))
            return sm_fail(request.err, SM_INTERRUPTED, "interrupted while reading %s", request.name());
        if (!pixels.frame(frame.number, reason))
            return sm_fail(request.err, SM_CORRUPT, "%s: frame %d: %s", request.name(),
                           frame.number + 1, reason.c_str());
        for (uint16_t value : pixels.values())
            present[value] = true;
    }
    present[0] = false;
    for (size_t index = 0; index < masks.size(); index++) {
        used[index] = present[(size_t)masks.number(index)];
        present[(size_t)masks.number(index)] = false;
    }
    size_t strange = (size_t)std::count(present.begin(), present.end(), true);
    if (strange > 0)
        sm_warn(request.listener, "%s: %zu pixel values stand for no segment that it describes",
                request.name(), strange);
    return SM_OK;
}

static void drop_unused(Masks &masks, Seg &seg, const std::vector<bool> &used, const MaskRequest &request)
{
    std::vector<int> now(used.size(), -1);
    int kept = 0;
    for (size_t index = 0; index < used.size(); index++)
        if (used[index])
            now[index] = kept++;
        else
            sm_note(request.listener, "%s: segment \"%s\" is empty", request.name(), masks.label(index));
    for (MaskFrame &frame : seg.frames)
        if (frame.segment >= 0)
            frame.segment = now[(size_t)frame.segment];
    masks.keep(used);
}

enum sm_status read_seg(Masks &masks, const MaskRequest &request)
{
    Seg seg;
    std::vector<bool> used;
    sm_status status = read_seg_header(seg, masks, request);
    if (status != SM_OK)
        return status;
    SegPixels pixels(seg, request);
    status = find_used(used, seg, pixels, masks, request);
    if (status != SM_OK)
        return status;
    drop_unused(masks, seg, used, request);
    if (masks.size() == 0)
        return sm_fail(request.err, SM_USAGE, "%s: all its segments are empty, so it cannot be a prompt",
                       request.name());
    if (!request.like)
        return SM_OK;
    status = check_frame_of_reference(seg.frame_of_reference, request);
    return status == SM_OK ? place_seg(masks, seg, pixels, request) : status;
}

} // namespace dicom
