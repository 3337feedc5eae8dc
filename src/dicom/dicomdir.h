// dicom/dicomdir.h - what a DICOMDIR lists. Its entries are compared with what was found, never opened.
#ifndef DICOM_DICOMDIR_H
#define DICOM_DICOMDIR_H

#include <string>
#include <vector>

#include "dicom/instance.h"

class DcmDataset;

namespace dicom {

// By class and name: indices of other names (DIRFILE ...) count from folders of their own choosing.
bool is_dicomdir(const Instance &instance);
// The Referenced File IDs of its records (PS3.3 F.3.2.2), components separated by '/'.
std::vector<std::string> listed_files(DcmDataset &data);

// Entries that are not there, or point out of the DICOMDIR's own folder; files: all that were found.
std::vector<Skipped> dangling_entries(const std::vector<Instance> &instances,
                                      const std::vector<FileRef> &files);

} // namespace dicom
#endif
