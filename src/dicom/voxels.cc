#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <set>

#include "dicom/decode.h"
#include "dicom/library.h"
#include "dicom/load.h"
#include "dicom/read.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcfilefo.h>

namespace dicom {

// Compressed pictures that unpack to more than this are held to a plausible ratio.
static const uint64_t MODEST_BYTES = (uint64_t)128 << 20;
static const uint64_t TIGHTEST_PACKING = 1000;
static const size_t FRAMES_A_TASK = 8;

static enum sm_voxel_type stored_type(const Instance &instance)
{
    if (instance.modality_lut)
        return SM_UINT16;
    if (instance.pixels.kind == PixelKind::Float)
        return SM_FLOAT32;
    if (instance.pixels.kind == PixelKind::Double)
        return SM_FLOAT64;
    switch (instance.bits_allocated) {
    case 8:
        return instance.is_signed ? SM_INT8 : SM_UINT8;
    case 16:
        return instance.is_signed ? SM_INT16 : SM_UINT16;
    default:
        return instance.is_signed ? SM_INT32 : SM_UINT32;
    }
}

static bool is_signed_type(enum sm_voxel_type type)
{
    return type == SM_INT8 || type == SM_INT16 || type == SM_INT32;
}

// The smallest type that holds both.
static enum sm_voxel_type wider(enum sm_voxel_type a, enum sm_voxel_type b)
{
    if (a == b)
        return a;
    if (a >= SM_FLOAT32 || b >= SM_FLOAT32)
        return SM_FLOAT64;
    size_t bytes_a = sm_voxel_type_bytes(a), bytes_b = sm_voxel_type_bytes(b);
    if (is_signed_type(a) == is_signed_type(b))
        return bytes_a > bytes_b ? a : b;
    enum sm_voxel_type natural = is_signed_type(a) ? b : a, whole = is_signed_type(a) ? a : b;
    if (sm_voxel_type_bytes(whole) > sm_voxel_type_bytes(natural))
        return whole;
    return natural == SM_UINT8 ? SM_INT16 : natural == SM_UINT16 ? SM_INT32 : SM_FLOAT64;
}

enum sm_voxel_type volume_type(const Found &volume, const std::vector<Instance> &instances)
{
    enum sm_voxel_type type = stored_type(instances[(size_t)volume.frames[0].instance]);
    for (const Frame &frame : volume.frames)
        type = wider(type, stored_type(instances[(size_t)frame.instance]));
    return type;
}

enum sm_status check_size(const Found &found, const std::vector<Instance> &instances, sm_err *err)
{
    std::map<int, bool> seen;
    uint64_t unpacked = 0, packed = 0;
    for (const Frame &frame : found.frames) {
        const Instance &instance = instances[(size_t)frame.instance];
        if (!instance.pixels.encapsulated || !seen.insert({frame.instance, true}).second)
            continue;
        unpacked += (uint64_t)bytes_per_frame(instance) * (uint64_t)instance.frames;
        packed += instance.pixels.length;
    }
    if (unpacked > MODEST_BYTES && unpacked / TIGHTEST_PACKING > packed)
        return sm_fail(err, SM_CORRUPT,
                       "%s: %llu bytes of compressed pixels cannot be the %llu that its header says",
                       instances[(size_t)found.frames[0].instance].file.name.c_str(),
                       (unsigned long long)packed, (unsigned long long)unpacked);
    return SM_OK;
}

namespace {
// Slices that one thread decodes in one go: of one instance, in order of frame.
struct Task {
    int instance;
    std::vector<int> slices;
};
struct Failure {
    int slice = -1;
    std::string reason;
};
template <typename To, typename From>
void convert(const uint8_t *from, uint8_t *to, size_t count)
{
    for (size_t p = 0; p < count; p++) {
        From value;
        memcpy(&value, from + p * sizeof value, sizeof value);
        To result = (To) value;
        memcpy(to + p * sizeof result, &result, sizeof result);
    }
}
template <typename To>
void convert_from(enum sm_voxel_type type, const uint8_t *from, uint8_t *to, size_t count)
{
    switch (type) {
    case SM_UINT8: convert<To, uint8_t>(from, to, count); break;
    case SM_INT8: convert<To, int8_t>(from, to, count); break;
    case SM_UINT16: convert<To, uint16_t>(from, to, count); break;
    case SM_INT16: convert<To, int16_t>(from, to, count); break;
    case SM_UINT32: convert<To, uint32_t>(from, to, count); break;
    case SM_INT32: convert<To, int32_t>(from, to, count); break;
    case SM_FLOAT32: convert<To, float>(from, to, count); break;
    default: convert<To, double>(from, to, count);
    }
}
} // namespace

static void convert_line(enum sm_voxel_type from_type, const uint8_t *from, enum sm_voxel_type to_type,
                         uint8_t *to, size_t count)
{
    if (from_type == to_type)
        memcpy(to, from, count * sm_voxel_type_bytes(to_type));
    else if (to_type == SM_INT16)
        convert_from<int16_t>(from_type, from, to, count);
    else if (to_type == SM_UINT16)
        convert_from<uint16_t>(from_type, from, to, count);
    else if (to_type == SM_INT32)
        convert_from<int32_t>(from_type, from, to, count);
    else if (to_type == SM_UINT32)
        convert_from<uint32_t>(from_type, from, to, count);
    else
        convert_from<double>(from_type, from, to, count);
}

static std::vector<Task> tasks_of(const Found &found, const std::vector<Instance> &instances)
{
    std::map<int, std::vector<int>> by_instance;
    for (size_t k = 0; k < found.frames.size(); k++)
        by_instance[found.frames[k].instance].push_back((int)k);
    std::vector<Task> tasks;
    for (auto &entry : by_instance) {
        std::vector<int> &slices = entry.second;
        std::stable_sort(slices.begin(), slices.end(), [&](int a, int b) {
            return found.frames[(size_t)a].number < found.frames[(size_t)b].number;
        });
        // A mosaic is one picture: all its tiles come out of one decoding. What has to be unpacked whole
        // is unpacked once, unless decoding it is the greater work.
        const PixelPlace &pixels = instances[(size_t)entry.first].pixels;
        bool whole = found.frames[(size_t)slices[0]].tile >= 0 ||
                     (pixels.in_memory && !pixels.encapsulated);
        size_t step = whole ? slices.size() : std::max(FRAMES_A_TASK, slices.size() / 32);
        for (size_t from = 0; from < slices.size(); from += step) {
            size_t to = std::min(slices.size(), from + step);
            tasks.push_back({entry.first, std::vector<int>(slices.begin() + (ptrdiff_t)from,
                                                           slices.begin() + (ptrdiff_t)to)});
        }
    }
    return tasks;
}

namespace {
struct Work {
    uint8_t *voxels; // the volume's
    enum sm_voxel_type type;
    size_t slice_bytes;
    const Found &found;
    const std::vector<Instance> &instances;

    uint8_t *slice(int k) const { return voxels + (size_t)k * slice_bytes; }
};
} // namespace

// Modality LUT: stored values become those of the table, as 16-bit pixels.
static bool apply_look_up(const Instance &instance, std::vector<uint8_t> &picture, std::string &reason)
{
    PixelPlace pixels;
    Bytes bytes(instance.file);
    std::unique_ptr<DcmFileFormat> format = load_header(bytes, instance.file, pixels, reason);
    if (!format)
        return false;
    LookUp table = look_up_of(*format->getDataset(), 0x3000, instance.is_signed);
    if (table.values.empty()) {
        reason = "its modality LUT is damaged";
        return false;
    }
    size_t count = (size_t)instance.rows * (size_t)instance.columns;
    std::vector<uint8_t> mapped(2 * count), wide(8 * count);
    Instance plain = instance;
    plain.modality_lut = false;
    convert_from<double>(stored_type(plain), picture.data(), wide.data(), count);
    for (size_t p = 0; p < count; p++) {
        double value;
        memcpy(&value, wide.data() + 8 * p, 8);
        double place = std::min(std::max(value - table.first, 0.0), (double)table.values.size() - 1);
        memcpy(mapped.data() + 2 * p, &table.values[(size_t)place], 2);
    }
    picture = std::move(mapped);
    return true;
}

static void place_slice(const Work &work, int k, const Instance &instance, const uint8_t *picture)
{
    const Frame &frame = work.found.frames[(size_t)k];
    enum sm_voxel_type from = stored_type(instance), to = work.type;
    size_t from_bytes = sm_voxel_type_bytes(from), to_bytes = sm_voxel_type_bytes(to);
    uint8_t *out = work.slice(k);
    for (int row = 0; row < frame.rows; row++) {
        size_t start = (size_t)(frame.tile_row + row) * (size_t)instance.columns +
                       (size_t)frame.tile_column;
        convert_line(from, picture + start * from_bytes, to,
                     out + (size_t)row * (size_t)frame.columns * to_bytes, (size_t)frame.columns);
    }
}

static bool run_task(const Work &work, const Task &task, Failure &failure)
{
    const Instance &instance = work.instances[(size_t)task.instance];
    Decoder decoder(instance);
    std::vector<uint8_t> picture;
    bool direct = stored_type(instance) == work.type && !instance.modality_lut;
    int held = -1;
    for (int k : task.slices) {
        const Frame &frame = work.found.frames[(size_t)k];
        failure.slice = k;
        if (direct && frame.tile < 0) {
            if (!decoder.frame(frame.number, work.slice(k), failure.reason))
                return false;
            continue;
        }
        if (held != frame.number) {
            picture.resize(bytes_per_frame(instance));
            if (!decoder.frame(frame.number, picture.data(), failure.reason) ||
                (instance.modality_lut && !apply_look_up(instance, picture, failure.reason)))
                return false;
            held = frame.number;
        }
        place_slice(work, k, instance, picture.data());
    }
    return true;
}

static bool run_safely(const Work &work, const Task &task, Failure &failure)
{
    try {
        return run_task(work, task, failure);
    } catch (const std::bad_alloc &) {
        failure.reason = "decoding it needs more memory than there is";
    } catch (...) {
        failure.reason = "its pixel data is damaged";
    }
    return false;
}

namespace {
// The tasks of a volume, each done once, by whichever thread first needs one of its slices.
class Pixels : public sm_supply {
public:
    Pixels(const Work &work, const sm_listener *listener, sm_dicom_study *owned);
    ~Pixels() { sm_dicom_study_free(owned_); }
    enum sm_status bring(int first, int last, sm_err *err);

private:
    enum class State { Waiting, InWork, Done };
    bool claim(size_t task);
    void finish(size_t task, bool good, const Failure &failure);
    void do_tasks(const std::vector<size_t> &wanted);
    void wait_for(const std::vector<size_t> &wanted);
    void tell();

    const Work work_;
    const std::vector<Task> tasks_;
    std::vector<size_t> task_of_; // each slice's
    std::mutex mutex_;            // on what follows
    std::condition_variable finished_;
    std::vector<State> states_;
    Failure failure_;             // of the first slice that has one
    bool cancelled_ = false;
    size_t slices_done_ = 0;
    const sm_listener *listener_;
    sm_dicom_study *owned_;
};
} // namespace

static enum sm_status load_pixels(sm_supply *supply, int first, int last, sm_err *err)
{
    return guarded(err, "DICOM", [&] { return static_cast<Pixels *>(supply)->bring(first, last, err); });
}

static void free_pixels(sm_supply *supply)
{
    delete static_cast<Pixels *>(supply);
}

Pixels::Pixels(const Work &work, const sm_listener *listener, sm_dicom_study *owned)
    : sm_supply{load_pixels, free_pixels}, work_(work), tasks_(tasks_of(work.found, work.instances)),
      task_of_(work.found.frames.size()), states_(tasks_.size(), State::Waiting), listener_(listener), owned_(owned)
{
    for (size_t t = 0; t < tasks_.size(); t++)
        for (int k : tasks_[t].slices)
            task_of_[(size_t)k] = t;
}

bool Pixels::claim(size_t task)
{
    std::lock_guard<std::mutex> lock(mutex_);
    bool mine = states_[task] == State::Waiting && failure_.slice < 0 && !cancelled_;
    if (mine)
        states_[task] = State::InWork;
    return mine;
}

void Pixels::finish(size_t task, bool good, const Failure &failure)
{
    std::lock_guard<std::mutex> lock(mutex_);
    states_[task] = State::Done;
    if (!good && (failure_.slice < 0 || failure.slice < failure_.slice))
        failure_ = failure;
    slices_done_ += tasks_[task].slices.size();
    finished_.notify_all();
}

void Pixels::do_tasks(const std::vector<size_t> &wanted)
{
    bool all = wanted.size() > 1 && wanted.size() == tasks_.size(); // else the caller is one of several
#pragma omp parallel for schedule(dynamic, 1) if (wanted.size() > 1)
    for (size_t n = 0; n < wanted.size(); n++) {
        if (!claim(wanted[n]))
            continue;
        Failure failure;
        bool good = run_safely(work_, tasks_[wanted[n]], failure);
        finish(wanted[n], good, failure);
        if (all)
            tell();
    }
}

void Pixels::tell()
{
    std::lock_guard<std::mutex> lock(mutex_);
    sm_progress(listener_, "reading slices", slices_done_, task_of_.size());
    cancelled_ = cancelled_ || sm_cancelled(listener_);
}

// Other threads may be at some of them.
void Pixels::wait_for(const std::vector<size_t> &wanted)
{
    std::unique_lock<std::mutex> lock(mutex_);
    for (size_t task : wanted)
        finished_.wait(lock, [&] { return states_[task] != State::InWork; });
}

enum sm_status Pixels::bring(int first, int last, sm_err *err)
{
    std::set<size_t> distinct(task_of_.begin() + first, task_of_.begin() + last + 1);
    std::vector<size_t> wanted(distinct.begin(), distinct.end());
    do_tasks(wanted);
    wait_for(wanted);
    std::lock_guard<std::mutex> lock(mutex_);
    if (failure_.slice >= 0) {
        const Frame &frame = work_.found.frames[(size_t)failure_.slice];
        return sm_fail(err, SM_CORRUPT, "%s: %s", work_.instances[(size_t)frame.instance].file.name.c_str(),
                       failure_.reason.c_str());
    }
    return cancelled_ ? sm_fail(err, SM_INTERRUPTED, "interrupted while reading slices") : SM_OK;
}

sm_supply *supply_of(const sm_volume &volume, const Found &found, const std::vector<Instance> &instances,
                     const sm_listener *listener, sm_dicom_study *owned)
{
    size_t pixels = (size_t)volume.grid.dim[0] * (size_t)volume.grid.dim[1];
    Work work = {static_cast<uint8_t *>(volume.voxels), volume.type, pixels * sm_voxel_type_bytes(volume.type), found,
                 instances};
    return new Pixels(work, listener, owned);
}

} // namespace dicom
