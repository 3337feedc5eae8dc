#include "dicom/files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <set>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dicom/archive.h"
#include "dicom/inflate.h"

namespace dicom {

static const int DEEPEST_FOLDER = 64;

namespace {
struct Walk {
    Listing listing;
    std::set<std::pair<dev_t, ino_t>> folders; // seen: a link back up must not go round for ever
};
} // namespace

static bool is_zip(const std::string &path)
{
    char magic[4] = {};
    int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : pread(fd, magic, sizeof magic, 0);
    if (fd >= 0)
        close(fd);
    return got == 4 && (memcmp(magic, "PK\3\4", 4) == 0 || memcmp(magic, "PK\5\6", 4) == 0);
}

static std::string base_name(const std::string &path)
{
    size_t slash = path.find_last_of('/');
    return slash == std::string::npos ? path : path.substr(slash + 1);
}

static void add_file(Walk &walk, const std::string &path)
{
    if (!is_zip(path)) {
        walk.listing.files.push_back({path, -1, path});
        return;
    }
    std::string problem = archive_list(path, walk.listing.files);
    if (!problem.empty())
        walk.listing.skipped.push_back({path, problem});
}

static std::vector<std::string> folder_entries(DIR *folder)
{
    std::vector<std::string> names;
    while (const struct dirent *entry = readdir(folder))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            names.emplace_back(entry->d_name);
    std::sort(names.begin(), names.end());
    return names;
}

static void walk_path(Walk &walk, const std::string &path, int depth);

static void walk_folder(Walk &walk, const std::string &path, const struct stat &st, int depth)
{
    if (!walk.folders.insert({st.st_dev, st.st_ino}).second)
        return;
    if (depth > DEEPEST_FOLDER) {
        walk.listing.skipped.push_back({path, "unreadable: folders nested too deeply"});
        return;
    }
    DIR *folder = opendir(path.c_str());
    if (!folder) {
        walk.listing.skipped.push_back({path, std::string("unreadable: ") + strerror(errno)});
        return;
    }
    std::vector<std::string> names = folder_entries(folder);
    closedir(folder);
    std::string prefix = path.back() == '/' ? path : path + "/";
    for (const std::string &name : names)
        walk_path(walk, prefix + name, depth + 1);
}

static void walk_path(Walk &walk, const std::string &path, int depth)
{
    struct stat st;
    if (stat(path.c_str(), &st) != 0)
        walk.listing.skipped.push_back({path, std::string("unreadable: ") + strerror(errno)});
    else if (S_ISDIR(st.st_mode))
        walk_folder(walk, path, st, depth);
    else if (S_ISREG(st.st_mode))
        add_file(walk, path);
    else
        walk.listing.skipped.push_back({path, "not a file"});
}

// A DICOMDIR given by name means the medium it is the index of. Its folder is scanned instead of its
// entries: entries may dangle or point elsewhere, and files it does not list are worth finding too.
// Whoever names other files of that folder too has walked it, and means the index as a file.
static std::string folder_of_dicomdir(const char *const *paths, size_t count, size_t p)
{
    std::string path = paths[p];
    if (strcasecmp(base_name(path).c_str(), "DICOMDIR") != 0)
        return path;
    size_t slash = path.find_last_of('/');
    if (slash == std::string::npos)
        return ".";
    for (size_t other = 0; other < count; other++)
        if (other != p && strncmp(paths[other], path.c_str(), slash + 1) == 0)
            return path;
    return slash == 0 ? "/" : path.substr(0, slash);
}

Listing list_files(const char *const *paths, size_t count)
{
    Walk walk;
    for (size_t p = 0; p < count; p++) {
        struct stat st;
        if (stat(paths[p], &st) != 0) {
            walk.listing.missing = paths[p];
            return walk.listing;
        }
        walk_path(walk, S_ISREG(st.st_mode) ? folder_of_dicomdir(paths, count, p) : paths[p], 0);
    }
    std::vector<FileRef> &files = walk.listing.files;
    auto before = [](const FileRef &a, const FileRef &b) { return a.name < b.name; };
    std::stable_sort(files.begin(), files.end(), before);
    auto same = [](const FileRef &a, const FileRef &b) {
        return a.path == b.path && a.member == b.member;
    };
    files.erase(std::unique(files.begin(), files.end(), same), files.end());
    return walk.listing;
}

static const uint64_t LONGEST_META = 4096; // of the file meta information that is looked through

Bytes::Bytes(const FileRef &file)
{
    struct stat st;
    if (file.member >= 0) {
        trouble_ = archive_extract(file, held_);
        size_ = held_.size();
    } else {
        fd_ = open(file.path.c_str(), O_RDONLY | O_CLOEXEC);
        if (fd_ < 0 || fstat(fd_, &st) != 0)
            trouble_ = std::string("unreadable: ") + strerror(errno);
        else if (!S_ISREG(st.st_mode))
            trouble_ = "unreadable: not a regular file (a pipe cannot be read here and there); save it to one";
        else
            size_ = (uint64_t)st.st_size;
    }
    if (ok())
        take_deflated();
}

void Bytes::take_deflated()
{
    std::vector<uint8_t> start(std::min(size_, LONGEST_META)), whole, plain;
    uint64_t syntax_at = 0;
    if (!read(0, start.data(), start.size()))
        return;
    uint64_t from = deflated_from(start, syntax_at);
    if (from == 0)
        return;
    if (fd_ < 0)
        whole.swap(held_);
    else
        whole.resize(size_);
    if (fd_ >= 0 && !read(0, whole.data(), whole.size()))
        trouble_ = "unreadable: the file cannot be read";
    else
        trouble_ = inflate_data_set(whole, from, syntax_at, plain);
    if (fd_ >= 0)
        close(fd_);
    fd_ = -1;
    held_.swap(plain);
    size_ = held_.size();
    deflated_ = true;
}

Bytes::~Bytes()
{
    if (fd_ >= 0)
        close(fd_);
}

bool Bytes::read(uint64_t offset, void *out, size_t count) const
{
    if (offset > size_ || count > size_ - offset)
        return false;
    if (fd_ < 0) {
        if (count)
            memcpy(out, held_.data() + offset, count);
        return true;
    }
    char *to = static_cast<char *>(out);
    while (count > 0) {
        ssize_t got = pread(fd_, to, count, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        to += got;
        offset += (uint64_t)got;
        count -= (size_t)got;
    }
    return true;
}

} // namespace dicom
