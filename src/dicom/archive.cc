#include "dicom/archive.h"

#include <algorithm>
#include <zip.h>

#include "dicom/inflate.h"

namespace dicom {

static const uint64_t PIECE = (uint64_t)16 << 20;

namespace {
struct Archive {
    zip_t *zip = nullptr;
    std::string path;
    ~Archive() { shut(); }
    void shut()
    {
        if (zip)
            zip_discard(zip);
        zip = nullptr;
    }
    bool open(const std::string &wanted)
    {
        if (zip && path == wanted)
            return true;
        shut();
        int code = 0;
        zip = zip_open(wanted.c_str(), ZIP_RDONLY, &code);
        path = wanted;
        return zip != nullptr;
    }
};
} // namespace

// libzip's handle is not for sharing; each thread keeps the archive it last used.
static thread_local Archive current;

std::string archive_list(const std::string &path, std::vector<FileRef> &files)
{
    if (!current.open(path))
        return "unreadable: damaged zip archive";
    zip_int64_t count = zip_get_num_entries(current.zip, 0);
    for (zip_int64_t m = 0; m < count; m++) {
        const char *name = zip_get_name(current.zip, (zip_uint64_t)m, ZIP_FL_ENC_GUESS);
        if (!name || !*name)
            continue;
        std::string member = name;
        if (member.back() != '/')
            files.push_back({path, m, path + "/" + member});
    }
    current.shut();
    return "";
}

std::string archive_extract(const FileRef &file, std::vector<uint8_t> &bytes)
{
    zip_stat_t st;
    if (!current.open(file.path))
        return "unreadable: damaged zip archive";
    if (zip_stat_index(current.zip, (zip_uint64_t)file.member, 0, &st) != 0)
        return "unreadable: not in the zip archive any more";
    if (st.encryption_method != ZIP_EM_NONE)
        return "unreadable: encrypted in the zip archive";
    if (is_bomb(st.comp_size, st.size))
        return bomb_reason(st.comp_size);
    zip_file_t *member = zip_fopen_index(current.zip, (zip_uint64_t)file.member, 0);
    if (!member)
        return std::string("unreadable: ") + zip_strerror(current.zip);
    bool whole = true;
    while (whole && bytes.size() < st.size) { // the directory may promise more than there is
        size_t before = bytes.size();
        bytes.resize(before + std::min(st.size - before, PIECE));
        zip_int64_t got = zip_fread(member, &bytes[before], bytes.size() - before);
        whole = got == (zip_int64_t)(bytes.size() - before);
    }
    zip_fclose(member);
    return whole ? "" : "unreadable: damaged inside its zip archive";
}

} // namespace dicom
