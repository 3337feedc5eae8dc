// dicom/archive.h - zip archives of DICOM files, read in memory; nothing is ever extracted to disk.
#ifndef DICOM_ARCHIVE_H
#define DICOM_ARCHIVE_H

#include "dicom/files.h"

namespace dicom {

// Appends the members; returns "" or why the archive is of no use.
std::string archive_list(const std::string &path, std::vector<FileRef> &files);
// Unpacks one member; returns "" or the reason why not. Safe in threads.
std::string archive_extract(const FileRef &file, std::vector<uint8_t> &bytes);

} // namespace dicom
#endif
