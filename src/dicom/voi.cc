#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <new>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcfilefo.h>

#include "dicom/charset.h"
#include "dicom/load.h"
#include "dicom/read.h"
#include "dicom/values.h"

namespace dicom {

LookUp look_up_of(DcmDataset &header, uint16_t sequence, bool is_signed)
{
    LookUp table;
    DcmItem *item = item_of(header, DcmTagKey(0x0028, sequence));
    if (!item)
        return table;
    std::vector<double> descriptor = numbers_of(*item, DCM_LUTDescriptor);
    const Uint16 *words = nullptr;
    const Uint8 *bytes = nullptr;
    unsigned long count = 0;
    if (descriptor.size() != 3)
        return table;
    size_t size = descriptor[0] == 0 ? 65536 : (size_t)std::fabs(descriptor[0]);
    if (descriptor[0] < 0) // a count above 32767 in a signed element
        size = 65536 - size;
    table.first = descriptor[1];
    if (is_signed && table.first > 32767)
        table.first -= 65536;
    table.bits = descriptor[2] >= 1 && descriptor[2] <= 16 ? (int)descriptor[2] : 16;
    if (item->findAndGetUint16Array(DCM_LUTData, words, &count).good() && words && count >= size)
        table.values.assign(words, words + size);
    else if (item->findAndGetUint8Array(DCM_LUTData, bytes, &count).good() && bytes && count >= size)
        table.values.assign(bytes, bytes + size);
    return table;
}

double turning_sum(const Instance &instance, double slope, double intercept)
{
    int bits = instance.modality_lut ? 16 : instance.bits_stored;
    double span = std::ldexp(1.0, std::min(std::max(bits, 1), 32));
    bool is_signed = instance.is_signed && !instance.modality_lut;
    double low = is_signed ? -span / 2 : 0, high = is_signed ? span / 2 - 1 : span - 1;
    return slope * (low + high) + 2 * intercept;
}

namespace {
struct Windows {
    std::vector<double> centers, widths;
    size_t count() const { return std::min(centers.size(), widths.size()); }
};
} // namespace

static Windows windows_of(const Frame &frame)
{
    Windows windows = {numbers_in(frame.window_center), numbers_in(frame.window_width)};
    for (size_t w = 0; w < windows.count(); w++)
        if (!(windows.widths[w] > 0))
            return {};
    return windows;
}

static enum sm_voi_function function_of(DcmDataset &header)
{
    std::string name = text_of(header, DCM_VOILUTFunction);
    return name == "SIGMOID" ? SM_VOI_SIGMOID : name == "LINEAR_EXACT" ? SM_VOI_LINEAR_EXACT
                                                                      : SM_VOI_LINEAR;
}

static void *zeroed(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory)
        throw std::bad_alloc();
    return memory;
}

static void take_explanations(sm_voi &voi, DcmDataset &header)
{
    std::string all = text_of(header, DCM_WindowCenterWidthExplanation);
    std::string set = text_of(header, DCM_SpecificCharacterSet);
    voi.explanation = static_cast<char(*)[65]>(zeroed(voi.windows, sizeof *voi.explanation));
    for (size_t w = 0; w < voi.windows; w++) {
        std::string one = to_utf8(part_of(all, w), set);
        size_t length = std::min(one.size(), sizeof *voi.explanation - 1);
        while (length > 0 && length < one.size() && (one[length] & 0xc0) == 0x80)
            length--; // not in the middle of a character
        memcpy(voi.explanation[w], one.data(), length);
    }
}

static void take_windows(sm_voi &voi, const Found &found, const std::vector<Instance> &instances)
{
    const Frame &first = found.frames[0];
    size_t nz = found.frames.size(), count = windows_of(first).count();
    for (const Frame &frame : found.frames) {
        count = std::min(count, windows_of(frame).count());
        // Turned over, a window moves with the slice's own rescale.
        bool turned = instances[(size_t)frame.instance].photometric == "MONOCHROME1";
        voi.per_slice |= frame.window_center != first.window_center ||
                         frame.window_width != first.window_width ||
                         (turned && (frame.slope != first.slope || frame.intercept != first.intercept));
    }
    voi.windows = count;
    size_t rows = voi.per_slice ? nz : 1;
    if (count == 0)
        return;
    voi.window = static_cast<sm_voi_window *>(zeroed(rows * count, sizeof *voi.window));
    for (size_t k = 0; k < rows; k++) {
        Windows windows = windows_of(found.frames[k]);
        const Instance &instance = instances[(size_t)found.frames[k].instance];
        for (size_t w = 0; w < count; w++) {
            double center = windows.centers[w];
            if (instance.photometric == "MONOCHROME1")
                center = turning_sum(instance, found.frames[k].slope, found.frames[k].intercept) - center;
            voi.window[k * count + w] = {center, windows.widths[w]};
        }
    }
}

static bool same(const LookUp &a, const LookUp &b)
{
    return a.first == b.first && a.bits == b.bits && a.values == b.values;
}

// The table of each slice, or one for all; empty when a slice has none, and windows are the other way.
static std::vector<LookUp> tables_of(const Found &found, const std::vector<Instance> &instances)
{
    std::map<int, LookUp> by_instance;
    std::vector<LookUp> tables;
    bool differ = false;
    for (const Frame &frame : found.frames) {
        const Instance &instance = instances[(size_t)frame.instance];
        PixelPlace pixels;
        std::string reason;
        auto [entry, fresh] = by_instance.insert({frame.instance, {}});
        if (fresh && instance.voi_lut) {
            Bytes bytes(instance.file);
            std::unique_ptr<DcmFileFormat> format = load_header(bytes, instance.file, pixels, reason);
            if (format)
                entry->second = look_up_of(*format->getDataset(), 0x3010, instance.is_signed);
        }
        if (entry->second.values.empty())
            return {};
        tables.push_back(entry->second);
        differ = differ || !same(tables[0], tables.back());
    }
    if (!differ)
        tables.resize(1);
    return tables;
}

static void take_table(sm_voi_table &shown, const LookUp &table, const Frame &frame,
                       const Instance &instance)
{
    size_t size = table.values.size();
    double most = std::ldexp(1.0, table.bits) - 1;
    bool turned = instance.photometric == "MONOCHROME1";
    shown.grey = static_cast<uint8_t *>(zeroed(size, 1));
    shown.size = size;
    shown.first = table.first;
    for (size_t i = 0; i < size; i++) {
        double grey = 255 * std::min((double)table.values[turned ? size - 1 - i : i] / most, 1.0);
        shown.grey[i] = (uint8_t)std::lround(turned ? 255 - grey : grey);
    }
    if (turned)
        shown.first = turning_sum(instance, frame.slope, frame.intercept) -
                      (table.first + (double)size - 1);
}

static void take_tables(sm_voi &voi, const Found &found, const std::vector<Instance> &instances)
{
    std::vector<LookUp> tables = tables_of(found, instances);
    if (tables.empty())
        return;
    // A table turned over moves with the slice's own rescale.
    bool turned = false;
    for (const Frame &frame : found.frames)
        turned |= instances[(size_t)frame.instance].photometric == "MONOCHROME1";
    if (turned)
        tables.resize(found.frames.size(), tables[0]);
    voi.per_slice = tables.size() > 1;
    voi.table = static_cast<sm_voi_table *>(zeroed(tables.size(), sizeof *voi.table));
    voi.tables = tables.size();
    for (size_t t = 0; t < tables.size(); t++) {
        const Frame &frame = found.frames[t];
        take_table(voi.table[t], tables[t], frame, instances[(size_t)frame.instance]);
    }
}

void take_voi(sm_volume &volume, const Found &found, const std::vector<Instance> &instances,
              DcmDataset &header)
{
    volume.voi = static_cast<sm_voi *>(zeroed(1, sizeof *volume.voi));
    sm_voi &voi = *volume.voi;
    voi.function = function_of(header);
    take_windows(voi, found, instances);
    if (voi.windows > 0)
        take_explanations(voi, header);
    else
        take_tables(voi, found, instances);
    if (voi.windows > 0 || voi.tables > 0)
        return;
    sm_voi_free(volume.voi);
    volume.voi = nullptr;
}

} // namespace dicom
