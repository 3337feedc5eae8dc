#include "dicom/study.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>

#include "dicom/dicomdir.h"
#include "dicom/header.h"
#include "dicom/library.h"

using namespace dicom;

// One bad file must not take the scan with it, whatever DCMTK makes of it.
static Instance read_safely(const FileRef &file)
{
    try {
        return read_instance(file);
    } catch (const std::bad_alloc &) {
        Instance instance;
        instance.file = file;
        instance.left_out = "unreadable: its header asks for more memory than there is";
        return instance;
    } catch (...) {
        Instance instance;
        instance.file = file;
        instance.left_out = "unreadable: damaged header";
        return instance;
    }
}

static bool read_headers(std::vector<Instance> &instances, const std::vector<FileRef> &files,
                         const sm_listener *listener)
{
    size_t done = 0;
    std::atomic<bool> stop{false};
    instances.resize(files.size());
#pragma omp parallel for schedule(dynamic, 8)
    for (size_t f = 0; f < files.size(); f++) {
        if (stop)
            continue;
        instances[f] = read_safely(files[f]);
#pragma omp critical(sm_dicom_progress)
        {
            sm_progress(listener, "reading headers", ++done, files.size());
            if (sm_cancelled(listener))
                stop = true;
        }
    }
    return !stop;
}

static bool takes_part(const Instance &instance)
{
    return instance.left_out.empty();
}

// Anonymisers have been known to give every file one UID: a copy must be at the same place too, and
// of the same echo, time, phase ...
static bool is_copy(const Instance &a, const Instance &b)
{
    return a.series_uid == b.series_uid && a.number == b.number && a.rows == b.rows &&
           a.columns == b.columns && a.frames == b.frames && a.parts.size() == b.parts.size() &&
           (a.parts.empty() || (a.parts[0].position_text == b.parts[0].position_text &&
                                a.parts[0].marks == b.parts[0].marks));
}

// Of several files with one SOPInstanceUID the first whole one is used. A damaged one says whose copy it
// is, for the comfort of whoever reads the list.
static void leave_out_duplicates(std::vector<Instance> &instances)
{
    std::map<std::string, std::vector<size_t>> by_uid;
    for (size_t i = 0; i < instances.size(); i++)
        if (takes_part(instances[i]) && !instances[i].sop_uid.empty())
            by_uid[instances[i].sop_uid].push_back(i);
    for (const auto &same : by_uid)
        for (size_t n = 1; n < same.second.size(); n++) {
            const Instance &kept = instances[same.second[0]];
            Instance &other = instances[same.second[n]];
            if (is_copy(kept, other))
                other.left_out = "duplicate of " + kept.file.name;
        }
    for (Instance &damaged : instances) {
        auto whole = by_uid.find(damaged.sop_uid);
        if (damaged.left_out.rfind("truncated:", 0) == 0 && whole != by_uid.end())
            damaged.left_out = "truncated copy of " + instances[whole->second[0]].file.name;
    }
}

// Screen shots and exam summaries are left out beside images, and shown when they are all there is.
static void leave_out_captures(std::vector<Instance> &instances)
{
    bool others = false;
    for (const Instance &instance : instances)
        others |= takes_part(instance) && instance.note.empty();
    for (Instance &instance : instances)
        if (others && takes_part(instance) && !instance.note.empty())
            instance.left_out = instance.note;
}

static void order_volumes(sm_dicom_study &study)
{
    std::map<std::string, int> study_seen; // studies in the order of their first file
    for (const Instance &instance : study.instances)
        study_seen.insert({instance.study_uid, (int)study_seen.size()});
    auto before = [&](const Found &a, const Found &b) {
        const Instance &x = study.instances[(size_t)a.frames[0].instance];
        const Instance &y = study.instances[(size_t)b.frames[0].instance];
        int s = study_seen[x.study_uid], t = study_seen[y.study_uid];
        return s != t ? s < t : x.series_number < y.series_number;
    };
    std::stable_sort(study.volumes.begin(), study.volumes.end(), before);
}

// Reasons of damage all begin with one of these words, wherever they are found out.
static sm_left_out_kind kind_of(const std::string &reason)
{
    static const char *const damage[] = {"truncated:", "damaged:", "unreadable:", "not DICOM: empty"};
    for (const char *begins : damage)
        if (reason.rfind(begins, 0) == 0)
            return SM_LEFT_OUT_DAMAGED;
    return reason == "not DICOM" ? SM_LEFT_OUT_FOREIGN : SM_LEFT_OUT_OTHER;
}

static LeftOut left_out(const Instance &instance)
{
    return {instance.file.name, instance.left_out, instance.series_uid,
            instance.misplaced                 ? SM_LEFT_OUT_MISPLACED
            : is_mask_class(instance.sop_class) ? SM_LEFT_OUT_MASK
                                               : kind_of(instance.left_out)};
}

static void list_left_out(sm_dicom_study &study, const std::vector<Skipped> &skipped,
                          const std::vector<Skipped> &dangling)
{
    for (const Skipped &entry : skipped)
        study.left_out.push_back({entry.name, entry.reason, "", kind_of(entry.reason)});
    for (const Skipped &entry : dangling)
        study.left_out.push_back({entry.name, entry.reason, "", SM_LEFT_OUT_MISSING});
    for (const Instance &instance : study.instances)
        if (!takes_part(instance))
            study.left_out.push_back(left_out(instance));
    auto before = [](const LeftOut &a, const LeftOut &b) { return a.name < b.name; };
    std::stable_sort(study.left_out.begin(), study.left_out.end(), before);
    for (const LeftOut &file : study.left_out)
        study.left_out_shown.push_back({file.name.c_str(), file.reason.c_str(), file.series_uid.c_str(), file.kind});
}

// Slices without a usable place are no neighbours of any other: a series of them falls apart, and it is said why.
static void explain_places(sm_dicom_study &study)
{
    std::map<std::string, size_t> of_series;
    auto lost = [](const Found &volume) { return volume.readable && !volume.frames[0].unplaced.empty(); };
    for (const Found &volume : study.volumes)
        if (lost(volume))
            of_series[volume.series_uid]++;
    for (Found &volume : study.volumes) {
        if (!lost(volume))
            continue;
        size_t others = volume.series_uid.empty() ? 0 : of_series[volume.series_uid] - 1;
        const Frame &first = volume.frames[0];
        volume.unplaced = study.instances[(size_t)first.instance].file.name + " has " + first.unplaced +
                          ": it is taken to lie at the origin";
        if (others > 0)
            volume.unplaced += ", and as a volume of its own, like " + std::to_string(others) + " other" +
                               (others > 1 ? "s" : "") + " of its series";
    }
}

static void show_volumes(sm_dicom_study &study)
{
    int number = 0;
    for (Found &volume : study.volumes) {
        sm_dicom_volume &shown = volume.shown;
        shown.number = ++number;
        shown.series_uid = volume.series_uid.c_str();
        shown.modality = volume.modality.c_str();
        shown.description = volume.description.c_str();
        shown.transfer_syntax = volume.transfer_syntax.c_str();
        shown.type = volume_type(volume, study.instances);
        shown.gaps = volume.gaps.data();
        shown.gap_count = volume.gaps.size();
        shown.readable = volume.readable;
        shown.placed = volume.readable && volume.unplaced.empty();
        shown.unplaced = volume.unplaced.empty() ? nullptr : volume.unplaced.c_str();
        shown.reason = volume.reason.empty() ? nullptr : volume.reason.c_str();
    }
}

static sm_status scan(std::unique_ptr<sm_dicom_study> &study, const char *const *paths, size_t count,
                      const sm_listener *listener, sm_err *err)
{
    Listing listing = list_files(paths, count);
    if (!listing.missing.empty())
        return sm_fail(err, SM_NOT_FOUND, "%s: there is no such file or directory",
                       listing.missing.c_str());
    study = std::make_unique<sm_dicom_study>();
    if (!read_headers(study->instances, listing.files, listener))
        return sm_fail(err, SM_INTERRUPTED, "interrupted while reading headers");
    leave_out_duplicates(study->instances);
    leave_out_captures(study->instances);
    for (size_t i = 0; i < study->instances.size(); i++)
        for (Frame &frame : study->instances[i].parts)
            frame.instance = (int)i;
    study->volumes = make_volumes(study->instances);
    order_volumes(*study);
    explain_places(*study);
    list_left_out(*study, listing.skipped, dangling_entries(study->instances, listing.files));
    show_volumes(*study);
    return SM_OK;
}

extern "C" sm_status sm_dicom_scan(sm_dicom_study **study, const char *const *paths, size_t count,
                                   const sm_listener *listener, sm_err *err)
{
    *study = nullptr;
    std::unique_ptr<sm_dicom_study> made;
    sm_status status = guarded(err, count ? paths[0] : "DICOM", [&] {
        return scan(made, paths, count, listener, err);
    });
    if (status == SM_OK)
        *study = made.release();
    return status;
}

extern "C" void sm_dicom_study_free(sm_dicom_study *study)
{
    delete study;
}

extern "C" size_t sm_dicom_volumes(const sm_dicom_study *study)
{
    return study->volumes.size();
}

extern "C" const sm_dicom_volume *sm_dicom_volume_at(const sm_dicom_study *study, size_t index)
{
    return &study->volumes[index].shown;
}

extern "C" const char *sm_dicom_volume_file(const sm_dicom_study *study, size_t index, size_t file)
{
    int instance = study->volumes[index].instances[file];
    return study->instances[(size_t)instance].file.name.c_str();
}

extern "C" size_t sm_dicom_left_out(const sm_dicom_study *study)
{
    return study->left_out_shown.size();
}

extern "C" const sm_left_out *sm_dicom_left_out_at(const sm_dicom_study *study, size_t index)
{
    return &study->left_out_shown[index];
}
