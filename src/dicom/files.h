// dicom/files.h - which files lie under the paths a user gave, and their bytes.
#ifndef DICOM_FILES_H
#define DICOM_FILES_H

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace dicom {

struct FileRef {
    std::string path;    // the file, or the zip archive it is in
    int64_t member = -1; // index in the archive; -1: a file by itself
    std::string name;    // as shown: the path, or "archive.zip/member"
};

// Reason why a path gave nothing, beside the files that were found.
struct Skipped {
    std::string name, reason;
};

struct Listing {
    std::vector<FileRef> files; // in order of name
    std::vector<Skipped> skipped;
    std::string missing; // the first path that does not exist; "" when all do
};

// Directories are walked, a DICOMDIR stands for its folder, a zip archive for its members.
Listing list_files(const char *const *paths, size_t count);

// Random access to the bytes of a file or of a zip member (held in memory). A deflated data set is inflated
// (and held in memory too): its bytes are those of the same file in Explicit VR Little Endian.
class Bytes {
public:
    explicit Bytes(const FileRef &file); // ok() says whether it worked, problem() why not
    ~Bytes();
    Bytes(const Bytes &) = delete;
    Bytes &operator=(const Bytes &) = delete;

    bool ok() const { return trouble_.empty(); }
    const std::string &problem() const { return trouble_; }
    uint64_t size() const { return size_; }
    // All of it or false.
    bool read(uint64_t offset, void *out, size_t count) const;
    bool deflated() const { return deflated_; } // it was
    // The bytes when they are in memory, else NULL.
    const std::vector<uint8_t> *memory() const { return fd_ < 0 ? &held_ : nullptr; }

private:
    void take_deflated();

    int fd_ = -1;
    uint64_t size_ = 0;
    bool deflated_ = false;
    std::vector<uint8_t> held_;
    std::string trouble_;
};

} // namespace dicom
#endif
