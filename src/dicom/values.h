// dicom/values.h - single values out of a DCMTK item, never failing: a default instead.
#ifndef DICOM_VALUES_H
#define DICOM_VALUES_H

#include <string>
#include <vector>

#include "dicom/instance.h"

class DcmItem;
class DcmTagKey;

namespace dicom {

// All values with backslashes, padding removed; "" when absent.
std::string text_of(DcmItem &item, const DcmTagKey &tag);
// The numbers of a DS, IS, FD, FL, US ... element; empty when absent or not numbers.
std::vector<double> numbers_of(DcmItem &item, const DcmTagKey &tag);
std::vector<double> numbers_in(const std::string &text);
double number_of(DcmItem &item, const DcmTagKey &tag, double otherwise);
int int_of(DcmItem &item, const DcmTagKey &tag, int otherwise);
bool has(DcmItem &item, const DcmTagKey &tag);
// Item `index` of a sequence, or NULL.
DcmItem *item_of(DcmItem &item, const DcmTagKey &sequence, unsigned long index = 0);
// Shortest text that reads back as the number.
std::string print_number(double value);

// Part number `part` (from 0) of backslash-separated text.
std::string part_of(const std::string &text, size_t part);

} // namespace dicom
#endif
