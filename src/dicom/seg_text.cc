// Text and items into a data set.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iconv.h>
#include <memory>
#include <new>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcelem.h>
#include <dcmtk/dcmdata/dcitem.h>

#include "dicom/charset.h"
#include "dicom/seg.h"
#include "dicom/values.h"

namespace dicom {

static bool is_ascii(const std::string &text)
{
    for (char c : text)
        if ((unsigned char)c >= 0x80 || c == 0x1b)
            return false;
    return true;
}

// Whole text through iconv, or "" when it does not fit.
static std::string convert(const std::string &text, const char *codec)
{
    iconv_t way = iconv_open(codec, "UTF-8");
    if (way == (iconv_t)-1)
        return "";
    std::string out(text.size() * 6 + 16, '\0');
    char *from = const_cast<char *>(text.data()), *to = &out[0];
    size_t left = text.size(), room = out.size();
    bool good = iconv(way, &from, &left, &to, &room) == 0 && iconv(way, nullptr, nullptr, &to, &room) == 0;
    iconv_close(way);
    out.resize(good ? out.size() - room : 0);
    return out;
}

// Ways to write text that the standard's character sets know; the one that reads back is taken.
// An escape sequence may be used only where SpecificCharacterSet names its set.
static const struct {
    const char *codec, *prefix, *named;
} WAYS[] = {
    {"UTF-8", "", ""}, {"ISO-8859-1", "", ""}, {"ISO-8859-2", "", ""}, {"ISO-8859-3", "", ""},
    {"ISO-8859-4", "", ""}, {"ISO-8859-5", "", ""}, {"ISO-8859-6", "", ""}, {"ISO-8859-7", "", ""},
    {"ISO-8859-8", "", ""}, {"ISO-8859-9", "", ""}, {"ISO-8859-15", "", ""}, {"TIS-620", "", ""},
    {"SHIFT_JIS", "", ""}, {"GB18030", "", ""}, {"GBK", "", ""}, {"ISO-2022-JP", "", "ISO 2022 IR 87"},
    {"EUC-KR", "\033$)C", "ISO 2022 IR 149"}, {"GB2312", "\033$)A", "ISO 2022 IR 58"},
    {"ISO-8859-1", "\033-A", "ISO 2022 IR 100"}, {"ISO-8859-2", "\033-B", "ISO 2022 IR 101"},
    {"ISO-8859-5", "\033-L", "ISO 2022 IR 144"}, {"ISO-8859-7", "\033-F", "ISO 2022 IR 126"},
};

static std::string encoded(const std::string &text, const std::string &set)
{
    for (const auto &way : WAYS) {
        if (set.find(way.named) == std::string::npos)
            continue;
        std::string bytes = convert(text, way.codec);
        if (!bytes.empty() && to_utf8(way.prefix + bytes, set) == text)
            return way.prefix + bytes;
    }
    return "";
}

// Start of the next character.
static size_t next(const std::string &text, size_t at)
{
    do
        at++;
    while (at < text.size() && ((unsigned char)text[at] & 0xc0) == 0x80);
    return at;
}

std::string from_utf8(const std::string &text, const std::string &set)
{
    std::string clean, out;
    for (char c : text)
        clean += (unsigned char)c < 0x20 || c == '\\' || c == 0x7f ? ' ' : c;
    if (is_ascii(clean))
        return clean;
    out = encoded(clean, set);
    if (!out.empty())
        return out;
    for (size_t at = 0, end; at < clean.size(); at = end) {
        end = next(clean, at);
        std::string letter = encoded(clean.substr(at, end - at), set);
        out += letter.empty() ? "?" : letter;
    }
    return out;
}

// Every text of the source that the SEG repeats is in `header`.
static bool source_is_ascii(const sm_dicom_source &source)
{
    DcmObject *object = nullptr;
    while ((object = source.header->nextInContainer(object)) != nullptr) {
        char *bytes = nullptr;
        auto *element = dynamic_cast<DcmElement *>(object);
        if (element && element->isaString() && element->getString(bytes).good() && bytes && !is_ascii(bytes))
            return false;
    }
    return true;
}

std::string seg_character_set(const SegPlan &plan)
{
    const std::string &set = plan.source->character_set;
    bool plain = is_ascii(plan.options->series_description ? plan.options->series_description : "") &&
                 is_ascii(plan.options->content_creator ? plan.options->content_creator : "");
    for (size_t o = 0; plain && o < plan.count; o++) {
        const struct sm_seg_object &object = plan.objects[o];
        plain = is_ascii(object.meaning.label) && is_ascii(object.meaning.type.meaning) &&
                is_ascii(object.tracking_id ? object.tracking_id : "");
    }
    return plain || !source_is_ascii(*plan.source) ? set : "ISO_IR 192";
}

// Characters that the value representation allows, cut where one begins.
static size_t longest(const DcmTag &tag)
{
    switch (DcmVR(tag.getVR()).getEVR()) {
    case EVR_SH:
    case EVR_CS: return 16;
    case EVR_LO:
    case EVR_PN: return 64;
    default: return 1024;
    }
}

void put_text(DcmItem &item, const DcmTagKey &tag, const char *utf8, const SegPlan &plan)
{
    std::string text = utf8 ? utf8 : "";
    size_t at = 0, limit = longest(DcmTag(tag));
    for (size_t letters = 0; at < text.size() && letters < limit; letters++)
        at = next(text, at);
    put(item, tag, from_utf8(text.substr(0, at), plan.character_set));
}

static void check(const OFCondition &done)
{
    if (done.bad())
        throw std::bad_alloc();
}

void put(DcmItem &item, const DcmTagKey &tag, const std::string &bytes)
{
    check(item.putAndInsertString(DcmTag(tag), bytes.data(), (Uint32) bytes.size()));
}

void put(DcmItem &item, const DcmTagKey &tag, unsigned value)
{
    if (DcmTag(tag).getEVR() == EVR_UL)
        check(item.putAndInsertUint32(DcmTag(tag), value));
    else
        check(item.putAndInsertUint16(DcmTag(tag), (Uint16) value));
}

DcmItem &put_item(DcmItem &item, const DcmTagKey &sequence)
{
    DcmItem *made = nullptr;
    check(item.findOrCreateSequenceItem(sequence, made, -2)); // -2: a new one at the end
    return *made;
}

DcmItem &put_code(DcmItem &item, const DcmTagKey &sequence, const struct sm_code &code, const SegPlan &plan)
{
    DcmItem &made = put_item(item, sequence);
    put(made, DCM_CodeValue, code.value);
    put(made, DCM_CodingSchemeDesignator, code.scheme);
    put_text(made, DCM_CodeMeaning, code.meaning, plan);
    return made;
}

std::string decimal_string(double value)
{
    char text[40];
    std::string exact = print_number(value);
    if (exact.size() <= 16)
        return exact;
    for (int digits = 15; digits > 0; digits--)
        if (snprintf(text, sizeof text, "%.*g", digits, value) <= 16)
            return text;
    return "0";
}

} // namespace dicom
