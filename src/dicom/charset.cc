#include "dicom/charset.h"

#include <cstring>
#include <iconv.h>

#include "dicom/values.h"

namespace dicom {

namespace {
struct Term {
    const char *term, *codec;
};
struct Escape {
    const char *sequence; // after ESC
    const char *codec;    // what iconv calls the set
    bool g0;              // designates the low half
    const char *prefix;   // iconv wants this before the bytes (ISO-2022-JP keeps state)
};
struct State {
    const char *low = "ASCII", *low_prefix = "", *high = "ASCII";
};
} // namespace

static const Term TERMS[] = {
    {"ISO_IR 6", "ASCII"}, {"ISO 2022 IR 6", "ASCII"}, {"ISO_IR 192", "UTF-8"},
    {"GB18030", "GB18030"}, {"GBK", "GBK"}, {"ISO_IR 166", "TIS-620"}, {"ISO 2022 IR 166", "TIS-620"},
    {"ISO_IR 13", "SHIFT_JIS"}, {"ISO 2022 IR 13", "SHIFT_JIS"}, {"ISO 2022 IR 149", "EUC-KR"},
    {"ISO 2022 IR 58", "GB2312"}, {"ISO_IR 100", "ISO-8859-1"}, {"ISO_IR 101", "ISO-8859-2"},
    {"ISO_IR 109", "ISO-8859-3"}, {"ISO_IR 110", "ISO-8859-4"}, {"ISO_IR 144", "ISO-8859-5"},
    {"ISO_IR 127", "ISO-8859-6"}, {"ISO_IR 126", "ISO-8859-7"}, {"ISO_IR 138", "ISO-8859-8"},
    {"ISO_IR 148", "ISO-8859-9"}, {"ISO_IR 203", "ISO-8859-15"},
};
static const Escape ESCAPES[] = {
    {"(B", "ASCII", true, ""}, {"(J", "SHIFT_JIS", true, ""}, {")I", "SHIFT_JIS", false, ""},
    {"$B", "ISO-2022-JP", true, "\033$B"}, {"$(D", "ISO-2022-JP-2", true, "\033$(D"},
    {"$)C", "EUC-KR", false, ""}, {"$)A", "GB2312", false, ""}, {"-T", "TIS-620", false, ""},
    {"-A", "ISO-8859-1", false, ""}, {"-B", "ISO-8859-2", false, ""}, {"-C", "ISO-8859-3", false, ""},
    {"-D", "ISO-8859-4", false, ""}, {"-L", "ISO-8859-5", false, ""}, {"-G", "ISO-8859-6", false, ""},
    {"-F", "ISO-8859-7", false, ""}, {"-H", "ISO-8859-8", false, ""}, {"-M", "ISO-8859-9", false, ""},
    {"-b", "ISO-8859-15", false, ""},
};

static const char *codec_of(std::string term)
{
    for (const Term &known : TERMS)
        if (term == known.term)
            return known.codec;
    if (term.rfind("ISO 2022 IR 1", 0) == 0)
        term = "ISO_IR " + term.substr(12);
    for (const Term &known : TERMS)
        if (term == known.term)
            return known.codec;
    return "ASCII";
}

static bool is_multi_byte(const char *codec)
{
    return strcmp(codec, "EUC-KR") == 0 || strcmp(codec, "GB2312") == 0;
}

static void replace_bytes(const std::string &run, std::string &out)
{
    for (char c : run)
        out += (unsigned char)c < 0x80 ? std::string(1, c) : "\xef\xbf\xbd";
}

static void convert(const std::string &run, const char *codec, std::string &out)
{
    iconv_t converter = iconv_open("UTF-8", codec);
    if (converter == (iconv_t)-1) {
        replace_bytes(run, out);
        return;
    }
    std::string copy = run;
    char *from = copy.data();
    size_t left = copy.size();
    while (left > 0) {
        char buffer[512], *to = buffer;
        size_t room = sizeof buffer;
        size_t done = iconv(converter, &from, &left, &to, &room);
        out.append(buffer, sizeof buffer - room);
        if (done == (size_t)-1 && room > 0 && left > 0 && to == buffer) { // a byte it cannot take
            out += "\xef\xbf\xbd";
            from++;
            left--;
        }
    }
    iconv_close(converter);
}

static void flush(std::string &run, const State &state, std::string &out)
{
    if (run.empty())
        return;
    bool high = false;
    for (char c : run)
        high |= (unsigned char)c >= 0x80;
    if (*state.low_prefix)
        convert(state.low_prefix + run, state.low, out);
    else
        convert(run, high ? state.high : state.low, out);
    run.clear();
}

static size_t escape(const std::string &bytes, size_t at, State &state)
{
    for (const Escape &known : ESCAPES) {
        size_t length = strlen(known.sequence);
        if (bytes.compare(at + 1, length, known.sequence) != 0)
            continue;
        if (known.g0) {
            state.low = known.codec;
            state.low_prefix = known.prefix;
        } else {
            state.high = known.codec;
        }
        return length + 1;
    }
    return 1;
}

static std::string printable(const std::string &text)
{
    std::string out;
    for (char c : text)
        if ((unsigned char)c >= 0x20 && c != 0x7f)
            out += c;
    return out;
}

std::string to_utf8(const std::string &bytes, const std::string &set)
{
    State initial;
    initial.high = codec_of(part_of(set, 0));
    // Korean and Chinese are often written without the escape sequence that should come first.
    for (size_t part = 1; part < 4 && strcmp(initial.high, "ASCII") == 0; part++)
        if (is_multi_byte(codec_of(part_of(set, part))))
            initial.high = codec_of(part_of(set, part));
    if (strcmp(initial.high, "SHIFT_JIS") == 0)
        initial.low = "SHIFT_JIS";
    State state = initial;
    std::string out, run;
    for (size_t at = 0; at < bytes.size();) {
        if (bytes[at] == 0x1b) {
            flush(run, state, out);
            at += escape(bytes, at, state);
            continue;
        }
        run += bytes[at++];
    }
    flush(run, state, out);
    return printable(out);
}

} // namespace dicom
