#include "dicom/values.h"

#include <charconv>
#include <cmath>
#include <cstring>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcelem.h>

namespace dicom {

static std::string trimmed(const std::string &text)
{
    size_t from = text.find_first_not_of(" \t\r\n");
    size_t to = text.find_last_not_of(std::string(" \t\r\n\0", 5));
    return from == std::string::npos || to == std::string::npos ? "" : text.substr(from, to - from + 1);
}

std::string text_of(DcmItem &item, const DcmTagKey &tag)
{
    OFString value;
    if (item.findAndGetOFStringArray(tag, value).bad())
        return "";
    return trimmed(std::string(value.c_str(), value.size()));
}

static bool number_in(const std::string &raw, double &value)
{
    std::string text = trimmed(raw);
    const char *begin = text.c_str(), *end = begin + text.size();
    if (begin < end && *begin == '+')
        begin++;
    auto [rest, problem] = std::from_chars(begin, end, value);
    return problem == std::errc() && rest != begin && std::isfinite(value);
}

std::vector<double> numbers_in(const std::string &text)
{
    std::vector<double> numbers;
    for (size_t from = 0; from <= text.size() && !text.empty();) {
        size_t to = text.find('\\', from);
        if (to == std::string::npos)
            to = text.size();
        double value;
        if (!number_in(text.substr(from, to - from), value))
            return {};
        numbers.push_back(value);
        from = to + 1;
    }
    return numbers;
}

// Private numbers in implicit VR come as bytes of unknown kind: text, a 16-bit number or a double.
static std::vector<double> numbers_of_unknown(DcmElement &element)
{
    Uint8 *bytes = nullptr;
    Uint32 size = element.getLengthField();
    if (element.getUint8Array(bytes).bad() || !bytes || size == 0 || size > 4096)
        return {};
    bool text = true;
    for (Uint32 b = 0; b < size; b++)
        text = text && ((bytes[b] >= 0x20 && bytes[b] < 0x7f) || (bytes[b] == 0 && b + 1 == size && b > 1));
    if (text)
        return numbers_in(std::string(reinterpret_cast<char *>(bytes), size));
    if (size == 2)
        return {(double)(bytes[0] | bytes[1] << 8)};
    double value = 0;
    if (size == sizeof value)
        memcpy(&value, bytes, sizeof value);
    return size == sizeof value && std::isfinite(value) ? std::vector<double>{value}
                                                        : std::vector<double>();
}

std::vector<double> numbers_of(DcmItem &item, const DcmTagKey &tag)
{
    DcmElement *element = nullptr;
    if (item.findAndGetElement(tag, element).bad() || !element || !element->isLeaf())
        return {};
    if (element->ident() == EVR_DS || element->ident() == EVR_IS)
        return numbers_in(text_of(item, tag));
    DcmEVR vr = element->ident();
    if (vr == EVR_UN || vr == EVR_OB || vr == EVR_UNKNOWN || vr == EVR_UNKNOWN2B)
        return numbers_of_unknown(*element);
    std::vector<double> numbers;
    unsigned long count = element->getVM();
    for (unsigned long i = 0; i < count && i < 4096; i++) {
        Float64 real = 0;
        Float32 single = 0;
        Sint32 whole = 0;
        Uint32 natural = 0;
        Uint16 shorter = 0;
        Sint16 signed_short = 0;
        if (element->getFloat64(real, i).good())
            numbers.push_back(real);
        else if (element->getFloat32(single, i).good())
            numbers.push_back(single);
        else if (element->getUint16(shorter, i).good())
            numbers.push_back(shorter);
        else if (element->getSint16(signed_short, i).good())
            numbers.push_back(signed_short);
        else if (element->getSint32(whole, i).good())
            numbers.push_back(whole);
        else if (element->getUint32(natural, i).good())
            numbers.push_back(natural);
        else
            return numbers_in(text_of(item, tag));
    }
    for (double number : numbers)
        if (!std::isfinite(number))
            return {};
    return numbers;
}

double number_of(DcmItem &item, const DcmTagKey &tag, double otherwise)
{
    std::vector<double> numbers = numbers_of(item, tag);
    return numbers.empty() ? otherwise : numbers[0];
}

int int_of(DcmItem &item, const DcmTagKey &tag, int otherwise)
{
    double value = number_of(item, tag, otherwise);
    return std::fabs(value) < 2e9 ? (int)value : otherwise;
}

bool has(DcmItem &item, const DcmTagKey &tag)
{
    return item.tagExistsWithValue(tag);
}

DcmItem *item_of(DcmItem &item, const DcmTagKey &sequence, unsigned long index)
{
    DcmItem *found = nullptr;
    if (item.findAndGetSequenceItem(sequence, found, (signed long)index).bad())
        return nullptr;
    return found;
}

std::string print_number(double value)
{
    char text[32];
    auto [end, problem] = std::to_chars(text, text + sizeof text, value);
    return problem == std::errc() ? std::string(text, end) : "";
}

std::string part_of(const std::string &text, size_t part)
{
    size_t from = 0;
    for (; part > 0; part--) {
        from = text.find('\\', from);
        if (from == std::string::npos)
            return "";
        from++;
    }
    return trimmed(text.substr(from, text.find('\\', from) - from));
}

} // namespace dicom
