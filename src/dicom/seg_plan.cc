// Which frames there are, and whether memory holds them.
#include <algorithm>

extern "C" {
#include "base/digest.h"
#include "base/memory.h"
}
#include "dicom/seg.h"

namespace dicom {

size_t SegPlan::segments() const
{
    return (size_t)std::count_if(numbers.begin(), numbers.end(), [](int n) { return n > 0; });
}

bool SegPlan::wide() const
{
    return options->type == SM_SEG_LABELMAP && segments() > 255;
}

size_t SegPlan::pixel_bytes() const
{
    size_t samples = frames.size() * pixels;
    size_t bytes = options->type == SM_SEG_BINARY ? (samples + 7) / 8 : samples * (wide() ? 2 : 1);
    return bytes + bytes % 2;
}

namespace {
// The objects' slices one after the other; every slice that has something is noted.
class Survey {
public:
    explicit Survey(SegPlan &p)
        : plan(p), slices(p.volume->grid.dim[2]), filled(p.count * (size_t)slices),
          buffer(p.pixels), together(p.pixels), packed((p.pixels + 7) / 8)
    {
    }
    // FRACTIONAL asks for one object after the other, so that its maker keeps one at a time.
    void run()
    {
        if (plan.options->type == SM_SEG_FRACTIONAL) {
            for (size_t o = 0; o < plan.count; o++)
                for (int k = 0; k < slices; k++)
                    look(o, k);
            return;
        }
        for (int k = 0; k < slices; k++) {
            std::fill(together.begin(), together.end(), 0);
            for (size_t o = 0; o < plan.count; o++)
                if (look(o, k) && !plan.overlap)
                    plan.overlap = join();
        }
    }
    bool has(size_t object, int k) const { return filled[object * (size_t)slices + (size_t)k]; }

private:
    bool look(size_t o, int k)
    {
        bool some = plan.objects[o].slice(plan.objects[o].context, k, buffer.data());
        some = some && std::any_of(buffer.begin(), buffer.end(), [](uint8_t v) { return v != 0; });
        filled[o * (size_t)slices + (size_t)k] = some;
        if (some)
            note(o, k);
        return some;
    }
    // What is on the slice, for the UIDs: the pixels themselves are made again when they are written.
    void note(size_t o, int k)
    {
        char hex[65];
        if (plan.options->type == SM_SEG_FRACTIONAL) {
            digest_bytes(buffer.data(), buffer.size(), hex);
        } else {
            std::fill(packed.begin(), packed.end(), 0);
            seg_pack_bits(packed.data(), 0, buffer.data(), plan.pixels);
            digest_bytes(packed.data(), packed.size(), hex);
        }
        plan.digests += std::to_string(o) + " " + std::to_string(k) + " " + hex + "\n";
    }
    bool join()
    {
        uint8_t both = 0;
        for (size_t p = 0; p < plan.pixels; p++) {
            both |= (uint8_t)(together[p] & buffer[p]);
            together[p] |= buffer[p];
        }
        return both != 0;
    }
    SegPlan &plan;
    int slices;
    std::vector<char> filled;
    std::vector<uint8_t> buffer, together, packed;
};

void take_frames(SegPlan &plan, const Survey &survey)
{
    int slices = plan.volume->grid.dim[2], segment = 0, rank = 0;
    plan.numbers.assign(plan.count, 0);
    plan.ranks.assign((size_t)slices, 0);
    for (size_t o = 0; o < plan.count; o++)
        for (int k = 0; k < slices; k++) {
            if (!survey.has(o, k))
                continue;
            if (!plan.numbers[o])
                plan.numbers[o] = ++segment;
            plan.ranks[(size_t)k] = 1;
            if (plan.options->type != SM_SEG_LABELMAP)
                plan.frames.push_back({(int)o, k});
        }
    for (int k = 0; k < slices; k++)
        if (plan.ranks[(size_t)k]) {
            plan.ranks[(size_t)k] = ++rank;
            if (plan.options->type == SM_SEG_LABELMAP)
                plan.frames.push_back({-1, k});
        }
}

enum sm_status check_size(const SegPlan &plan, const char *path, struct sm_err *err)
{
    enum { FRAME_BYTES = 16384 }; // of DCMTK's objects for the functional groups of a frame
    double pixels = (double)plan.pixel_bytes(), free = memory_available();
    double need = (double)plan.frames.size() * FRAME_BYTES;
    const char *way_out = plan.options->type == SM_SEG_FRACTIONAL ? "write a binary SEG"
                                                                   : "write fewer objects into one file";
    if (pixels >= 4294967294.0)
        return sm_fail(err, SM_UNSUPPORTED,
                       "%s: %zu frames of %d x %d take %.1f GB, and a DICOM file holds at most 4.3 GB of "
                       "pixels; %s", path, plan.frames.size(), plan.source->columns, plan.source->rows,
                       pixels / 1e9, way_out);
    if (need > free)
        return sm_fail(err, SM_MEMORY, "%s: %zu frames of %d x %d take %.1f GB of memory, and %.1f GB are "
                       "free; %s", path, plan.frames.size(), plan.source->columns, plan.source->rows,
                       need / 1e9, free / 1e9, way_out);
    return SM_OK;
}
} // namespace

// What a SEG must have and the source lacks: the same for every SEG of the series.
static void take_identity(SegPlan &plan, const char *path)
{
    const sm_dicom_source &source = *plan.source;
    plan.study_uid = source.study_uid;
    plan.frame_of_reference_uid = source.frame_of_reference_uid;
    if (plan.study_uid.empty()) {
        plan.study_uid = uid_from("study of " + source.series_uid);
        sm_warn(plan.options->listener, "%s: the source has no StudyInstanceUID; the SEG gets one of its own, "
                "and archives will not show it with the source", path);
    }
    if (plan.frame_of_reference_uid.empty() && !source.orientation.empty()) {
        plan.frame_of_reference_uid = uid_from("frame of reference of " + source.series_uid);
        sm_warn(plan.options->listener, "%s: the source has no FrameOfReferenceUID; the SEG gets one of its "
                "own", path);
    }
}

enum sm_status seg_plan(SegPlan &plan, const char *path, struct sm_err *err)
{
    const int *dim = plan.volume->grid.dim;
    plan.source = plan.volume->dicom;
    if (!plan.source)
        return sm_fail(err, SM_USAGE, "%s: a DICOM SEG can be written for DICOM input only, because it "
                       "repeats the study's identity; use .nii.gz", path);
    if ((int)plan.source->slices.size() != dim[2] || plan.source->columns != dim[0] ||
        plan.source->rows != dim[1])
        return sm_fail(err, SM_UNSUPPORTED, "%s: the volume is not on its DICOM source's grid", path);
    if (plan.source->series_uid.empty())
        return sm_fail(err, SM_UNSUPPORTED, "%s: the source has no SeriesInstanceUID, so a DICOM SEG cannot "
                       "refer to it; use .nii.gz", path);
    plan.pixels = (size_t)dim[0] * (size_t)dim[1];
    Survey survey(plan);
    survey.run();
    take_frames(plan, survey);
    plan.character_set = seg_character_set(plan);
    take_identity(plan, path);
    if (plan.frames.empty())
        return sm_fail(err, SM_USAGE, "%s: every object is empty, and a DICOM SEG cannot be", path);
    if (plan.overlap && plan.options->type == SM_SEG_LABELMAP)
        return sm_fail(err, SM_USAGE, "%s: objects overlap, which a label map segmentation cannot hold; "
                       "write a binary SEG", path);
    if (plan.segments() > 65535)
        return sm_fail(err, SM_UNSUPPORTED, "%s: %zu objects; a DICOM SEG holds 65535", path,
                       plan.segments());
    return check_size(plan, path, err);
}

} // namespace dicom
