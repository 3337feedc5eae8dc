#include "dicom/dicomdir.h"

#include <algorithm>
#include <set>
#include <strings.h>
#include <sys/stat.h>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcsequen.h>

#include "dicom/values.h"

namespace dicom {

bool is_dicomdir(const Instance &instance)
{
    const std::string &name = instance.file.name;
    return instance.sop_class == "1.2.840.10008.1.3.10" &&
           strcasecmp(name.substr(name.rfind('/') + 1).c_str(), "DICOMDIR") == 0;
}

std::vector<std::string> listed_files(DcmDataset &data)
{
    std::vector<std::string> listed;
    DcmSequenceOfItems *records = nullptr;
    if (data.findAndGetSequence(DCM_DirectoryRecordSequence, records).bad() || !records)
        return listed;
    DcmObject *record = nullptr;
    while ((record = records->nextInContainer(record)) != nullptr) {
        std::string id = text_of(*static_cast<DcmItem *>(record), DCM_ReferencedFileID);
        std::replace(id.begin(), id.end(), '\\', '/');
        if (!id.empty())
            listed.push_back(id);
    }
    return listed;
}

// A File ID is a way down from the DICOMDIR's folder and no other (PS3.10 8.2).
static bool leads_out(const std::string &id)
{
    for (size_t from = 0; from <= id.size();) {
        size_t to = std::min(id.find('/', from), id.size());
        std::string part = id.substr(from, to - from);
        if (part.empty() || part == "." || part == "..")
            return true;
        from = to + 1;
    }
    return false;
}

// CD file systems show names in either case.
static std::string lower(std::string text)
{
    for (char &c : text)
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
    return text;
}

static bool is_there(const FileRef &dicomdir, const std::string &name)
{
    struct stat st;
    return dicomdir.member < 0 && stat(name.c_str(), &st) == 0;
}

std::vector<Skipped> dangling_entries(const std::vector<Instance> &instances,
                                      const std::vector<FileRef> &files)
{
    std::vector<Skipped> dangling;
    std::set<std::string> found, said;
    for (const Instance &instance : instances) {
        if (instance.listed.empty())
            continue;
        if (found.empty())
            for (const FileRef &file : files)
                found.insert(lower(file.name));
        const std::string &own = instance.file.name;
        size_t slash = own.rfind('/');
        std::string folder = slash == std::string::npos ? "" : own.substr(0, slash + 1);
        for (const std::string &id : instance.listed) {
            std::string name = folder + id;
            bool out = leads_out(id);
            if ((!out && (found.count(lower(name)) || is_there(instance.file, name))) ||
                !said.insert(name).second)
                continue;
            dangling.push_back({name, out ? "listed in " + own + " but outside its folder: not opened"
                                          : "listed in " + own + " but not there"});
        }
    }
    return dangling;
}

} // namespace dicom
