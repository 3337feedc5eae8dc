#include <cstring>
#include <string>

#include "dicom/library.h"
#include "dicom/study.h"

using namespace dicom;

static std::string candidate_line(const Found &volume)
{
    const int *dim = volume.shown.grid.dim;
    std::string line = std::to_string(volume.shown.number) + " (" + volume.modality;
    if (!volume.description.empty())
        line += " \"" + volume.description + "\"";
    line += ", " + std::to_string(dim[0]) + "x" + std::to_string(dim[1]) + "x" + std::to_string(dim[2]);
    if (!volume.reason.empty())
        line += ", " + volume.reason;
    return line + ")";
}

// As many as fit the message.
static std::string candidates(const sm_dicom_study &study, const std::vector<size_t> &indices)
{
    std::string list;
    for (size_t n = 0; n < indices.size(); n++) {
        std::string line = candidate_line(study.volumes[indices[n]]);
        if (list.size() + line.size() > 700)
            return list + " and " + std::to_string(indices.size() - n) + " more";
        list += (n ? "; " : "") + line;
    }
    return list;
}

static std::vector<size_t> matching(const sm_dicom_study &study, const char *choice)
{
    std::vector<size_t> found;
    char *rest = nullptr;
    long number = choice ? strtol(choice, &rest, 10) : 0;
    bool by_number = choice && *choice && *rest == 0 && number > 0;
    for (size_t v = 0; v < study.volumes.size(); v++) {
        const Found &volume = study.volumes[v];
        bool match = !choice          ? volume.readable
                     : by_number      ? volume.shown.number == number
                                      : volume.series_uid == choice && volume.readable;
        if (match)
            found.push_back(v);
    }
    return found;
}

static sm_status none_found(const sm_dicom_study &study, const char *choice, sm_err *err)
{
    if (choice)
        return sm_fail(err, SM_NOT_FOUND,
                       "there is no readable series \"%s\"; sammed2d info lists what is there", choice);
    if (!study.volumes.empty()) {
        const Found &volume = study.volumes[0];
        return sm_fail(err, SM_UNSUPPORTED, "no readable image series; the first of %zu is: %s",
                       study.volumes.size(), volume.reason.c_str());
    }
    if (study.left_out.size() == 1) {
        const LeftOut &only = study.left_out[0];
        return sm_fail(err, only.kind == SM_LEFT_OUT_DAMAGED ? SM_CORRUPT : SM_UNSUPPORTED, "%s: %s",
                       only.name.c_str(), only.reason.c_str());
    }
    if (study.left_out.empty())
        return sm_fail(err, SM_NOT_FOUND, "there are no files here");
    return sm_fail(err, SM_NOT_FOUND,
                   "no DICOM images here (%zu files were left out, sammed2d info says why); a NIfTI "
                   "or PNG is given by its own name, not by its folder's",
                   study.left_out.size());
}

static sm_status choose(const sm_dicom_study &study, const char *choice, size_t *index, sm_err *err)
{
    std::vector<size_t> found = matching(study, choice);
    if (found.empty())
        return none_found(study, choice, err);
    if (found.size() > 1)
        return sm_fail(err, SM_USAGE, "%zu volumes here; choose one with --series: %s", found.size(),
                       candidates(study, found).c_str());
    const Found &volume = study.volumes[found[0]];
    if (!volume.readable)
        return sm_fail(err, SM_UNSUPPORTED, "volume %d cannot be read: %s", volume.shown.number,
                       volume.reason.c_str());
    *index = found[0];
    return SM_OK;
}

extern "C" sm_status sm_dicom_choose(const sm_dicom_study *study, const char *choice, size_t *index,
                                     sm_err *err)
{
    return guarded(err, "DICOM", [&] { return choose(*study, choice, index, err); });
}
