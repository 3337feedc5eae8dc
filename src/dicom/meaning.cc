// What a name means: the shipped table, sides, lesions of an organ, colours.
#include <cmath>
#include <cstring>
#include <map>
#include <string>

#include "sammed2d/dicom.h"

namespace {

enum Category { ANATOMY, TISSUE, ALTERED, SUBSTANCE, OBJECT };

const struct sm_code CATEGORIES[] = {
    {"123037004", "SCT", "Anatomical Structure"}, {"85756007", "SCT", "Tissue"},
    {"49755003", "SCT", "Morphologically Altered Structure"}, {"91720002", "SCT", "Body Substance"},
    {"260787004", "SCT", "Physical object"},
};
const struct sm_code LEFT = {"7771000", "SCT", "Left"}, RIGHT = {"24028007", "SCT", "Right"};

struct Row {
    const char *names;
    Category category;
    const char *code, *meaning, *region, *region_meaning;
    int rgb[3];
};
const Row ROWS[] = {
#define CODE(names, category, code, meaning, region, region_meaning, red, green, blue) \
    {names, category, code, meaning, region, region_meaning, {red, green, blue}},
#include "dicom/codes.def"
#undef CODE
};

// Name to row, in lower case.
const std::map<std::string, const Row *> &index_of_names()
{
    static const std::map<std::string, const Row *> index = [] {
        std::map<std::string, const Row *> made;
        for (const Row &row : ROWS)
            for (const char *name = row.names; *name;) {
                size_t length = strcspn(name, "|");
                made.emplace(std::string(name, length), &row);
                name += length + (name[length] == '|');
            }
        return made;
    }();
    return index;
}

// The name itself, or what it is several of: "nodules", "arteries".
const Row *find_row(const std::string &name)
{
    const auto &index = index_of_names();
    size_t size = name.size();
    auto found = index.find(name);
    if (found == index.end() && size > 4 && name.compare(size - 3, 3, "ies") == 0)
        found = index.find(name.substr(0, size - 3) + "y");
    if (found == index.end() && size > 3 && name.back() == 's')
        found = index.find(name.substr(0, size - 1));
    return found == index.end() ? nullptr : found->second;
}

// Lower case, one space between words, none around.
std::string plain(const char *name)
{
    std::string text;
    for (; *name; name++) {
        char c = *name;
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        bool space = c == '_' || c == '-' || c == ' ' || c == '\t';
        if (!space)
            text += c;
        else if (!text.empty() && text.back() != ' ')
            text += ' ';
    }
    while (!text.empty() && text.back() == ' ')
        text.pop_back();
    return text;
}

// Takes a word out, where it stands between others or alone.
bool take_word(std::string &text, const std::string &word)
{
    std::string padded = " " + text + " ";
    size_t at = padded.find(" " + word + " ");
    if (at == std::string::npos || text == word)
        return false;
    padded.erase(at, word.size() + 1);
    text = padded.substr(1, padded.size() - 2);
    return true;
}

const struct sm_code *take_side(std::string &text)
{
    static const struct {
        const char *word;
        const struct sm_code *side;
    } words[] = {{"left", &LEFT}, {"right", &RIGHT}, {"l", &LEFT}, {"r", &RIGHT},
                 {"lt", &LEFT}, {"rt", &RIGHT}, {"(left)", &LEFT}, {"(right)", &RIGHT}};
    for (const auto &row : words)
        if (take_word(text, row.word))
            return row.side;
    return nullptr;
}

void set(struct sm_code &code, const char *value, const char *meaning)
{
    strncpy(code.value, value, sizeof code.value - 1);
    strncpy(code.scheme, "SCT", sizeof code.scheme - 1);
    strncpy(code.meaning, meaning, sizeof code.meaning - 1);
}

// "liver tumor": a lesion, in a region that is a structure of its own.
const Row *lesion_in(const std::string &name, const Row *&where)
{
    size_t gap = name.rfind(' ');
    if (gap == std::string::npos)
        return nullptr;
    const Row *what = find_row(name.substr(gap + 1));
    const Row *organ = find_row(name.substr(0, gap));
    bool good = what && organ && what->category == ALTERED && organ->category == ANATOMY &&
                !*what->region && !*organ->region;
    where = good ? organ : nullptr;
    return good ? what : nullptr;
}

} // namespace

extern "C" void sm_segment_meaning_find(struct sm_segment_meaning *meaning, const char *name)
{
    static const Row unknown = {"", ANATOMY, "123037004", "Anatomical Structure", "", "", {128, 174, 128}};
    std::string text = plain(name);
    const struct sm_code *side = nullptr;
    const Row *row = find_row(text), *where = nullptr;
    if (!row)
        row = lesion_in(text, where);
    if (!row && (side = take_side(text)) != nullptr)
        row = find_row(text) ? find_row(text) : lesion_in(text, where);
    *meaning = sm_segment_meaning();
    meaning->label = name;
    meaning->generic = !row;
    if (!row)
        row = &unknown;
    meaning->category = CATEGORIES[row->category];
    set(meaning->type, row->code, row->meaning);
    if (where)
        set(meaning->region, where->code, where->meaning);
    else if (*row->region)
        set(meaning->region, row->region, row->region_meaning);
    if (side)
        (*meaning->region.value ? meaning->region_modifier : meaning->modifier) = *side;
    sm_segment_meaning_colour(meaning, row->rgb);
}

// sRGB (IEC 61966-2-1) to XYZ, adapted from D65 to D50 (Bradford), to CIELab, to 16 bits.
extern "C" void sm_segment_meaning_colour(struct sm_segment_meaning *meaning, const int rgb[3])
{
    static const double to_xyz[3][3] = {{0.4360747, 0.3850649, 0.1430804},
                                        {0.2225045, 0.7168786, 0.0606169},
                                        {0.0139322, 0.0971045, 0.7141733}};
    static const double white[3] = {0.9642200, 1.0, 0.8252100};
    double linear[3], f[3];
    for (int c = 0; c < 3; c++) {
        double v = std::fmin(255, std::fmax(0, rgb[c])) / 255;
        linear[c] = v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
    }
    for (int c = 0; c < 3; c++) {
        double v = 0;
        for (int d = 0; d < 3; d++)
            v += to_xyz[c][d] * linear[d] / white[c];
        f[c] = v > 216.0 / 24389 ? std::cbrt(v) : (24389.0 / 27 * v + 16) / 116;
    }
    const double lab[3] = {116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])};
    for (int c = 0; c < 3; c++) {
        double scaled = c ? (lab[c] + 128) / 255 : lab[c] / 100;
        meaning->cielab[c] = (uint16_t)std::lround(65535 * std::fmin(1, std::fmax(0, scaled)));
    }
}
