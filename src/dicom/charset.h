// dicom/charset.h - text in a DICOM character set, as UTF-8 for people to read.
#ifndef DICOM_CHARSET_H
#define DICOM_CHARSET_H

#include <string>

namespace dicom {

// `set` is SpecificCharacterSet with its backslashes. Never fails: what cannot be converted becomes
// U+FFFD, and control characters are dropped. Source: PS3.3 C.12.1.1.2, PS3.5 6.1.
std::string to_utf8(const std::string &bytes, const std::string &set);

} // namespace dicom
#endif
