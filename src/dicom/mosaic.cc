// Mosaics: one 2-D picture that holds all slices of a volume as tiles, row by row. Siemens says how many
// and along which normal in its CSA header; UIH lists the position of each tile.
#include "dicom/header.h"

#include <cmath>
#include <cstring>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>

#include "dicom/values.h"

namespace dicom {

static const DcmTagKey CSA_IMAGE_HEADER(0x0029, 0x1010), CSA_CREATOR(0x0029, 0x0010);
static const DcmTagKey SIEMENS_TILES(0x0019, 0x100a);
static const DcmTagKey UIH_TILES(0x0065, 0x1050), UIH_FRAMES(0x0065, 0x1051);
static const int MOST_TILES = 4096;

namespace {
struct CsaReader {
    const uint8_t *bytes;
    size_t size, at;
    bool fits(size_t count) const { return at <= size && count <= size - at; }
    uint32_t word(size_t where) const
    {
        const uint8_t *b = bytes + where;
        return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    }
};
} // namespace

// The values of one CSA tag; leaves the reader behind it. False at the end or when it is damaged.
static bool csa_tag(CsaReader &csa, std::string &name, std::vector<std::string> &values)
{
    if (!csa.fits(84))
        return false;
    const char *raw = reinterpret_cast<const char *>(csa.bytes + csa.at);
    name.assign(raw, strnlen(raw, 64));
    uint32_t items = csa.word(csa.at + 76);
    csa.at += 84;
    values.clear();
    for (uint32_t i = 0; i < items; i++) {
        if (!csa.fits(16))
            return false;
        uint32_t length = csa.word(csa.at + 4);
        csa.at += 16;
        if (!csa.fits(length))
            return false;
        const char *text = reinterpret_cast<const char *>(csa.bytes + csa.at);
        if (length > 0)
            values.emplace_back(text, strnlen(text, length));
        csa.at += (length + 3) & ~(size_t)3;
    }
    return true;
}

static std::vector<double> csa_numbers(DcmDataset &data, const char *wanted)
{
    const Uint8 *bytes = nullptr;
    unsigned long size = 0;
    if (text_of(data, CSA_CREATOR) != "SIEMENS CSA HEADER" ||
        data.findAndGetUint8Array(CSA_IMAGE_HEADER, bytes, &size).bad() || !bytes || size < 16)
        return {};
    CsaReader csa = {bytes, size, 0};
    csa.at = memcmp(bytes, "SV10", 4) == 0 ? 8 : 0;
    uint32_t tags = csa.word(csa.at);
    csa.at += 8;
    std::string name;
    std::vector<std::string> values;
    for (uint32_t t = 0; t < tags && csa_tag(csa, name, values); t++) {
        if (name != wanted)
            continue;
        std::string joined;
        for (const std::string &value : values)
            joined += (joined.empty() ? "" : "\\") + value;
        return numbers_in(joined);
    }
    return {};
}

namespace {
struct Grid {
    int tiles = 0, across = 0, down = 0;
};
} // namespace

// Siemens' grid is square; UIH's has no empty rows.
static Grid grid_of(int tiles, bool square)
{
    Grid grid;
    if (tiles < 1 || tiles > MOST_TILES)
        return grid;
    grid.tiles = tiles;
    grid.across = (int)std::ceil(std::sqrt((double)tiles));
    grid.down = square ? grid.across : (tiles + grid.across - 1) / grid.across;
    return grid;
}

static Frame tile_of(const Frame &whole, int tile, const Grid &grid)
{
    Frame frame = whole;
    frame.tile = tile;
    frame.columns = whole.columns / grid.across;
    frame.rows = whole.rows / grid.down;
    frame.tile_column = tile % grid.across * frame.columns;
    frame.tile_row = tile / grid.across * frame.rows;
    return frame;
}

static void place(Frame &frame, const Vector &at)
{
    frame.position = at;
    frame.position_text = print_number(at.x[0]) + "\\" + print_number(at.x[1]) + "\\" +
                          print_number(at.x[2]);
}

static Vector cross(const Vector &a, const Vector &b)
{
    Vector c;
    for (int i = 0; i < 3; i++)
        c.x[i] = a.x[(i + 1) % 3] * b.x[(i + 2) % 3] - a.x[(i + 2) % 3] * b.x[(i + 1) % 3];
    return c;
}

// ImagePositionPatient of a Siemens mosaic is where the mosaic's corner would be if the whole picture
// were one slice centred as the tiles are: the tile's own corner lies half the difference further in.
static void cut_siemens(Instance &instance, DcmDataset &data, const Frame &whole, const Grid &grid)
{
    double step = whole.between > 0 ? whole.between : whole.thickness;
    if (!whole.placed || whole.row_spacing <= 0 || !(step > 0)) {
        instance.unreadable = "Siemens mosaic without position or spacing";
        return;
    }
    Vector normal = cross(whole.row, whole.column);
    std::vector<double> csa = csa_numbers(data, "SliceNormalVector");
    if (csa.size() == 3) {
        double along = 0;
        for (size_t a = 0; a < 3; a++)
            along += csa[a] * normal.x[a];
        for (int a = 0; a < 3 && along < 0; a++)
            normal.x[a] = -normal.x[a];
    }
    for (int tile = 0; tile < grid.tiles; tile++) {
        Frame frame = tile_of(whole, tile, grid);
        Vector at = whole.position;
        for (int a = 0; a < 3; a++)
            at.x[a] += whole.row.x[a] * whole.column_spacing * (whole.columns - frame.columns) / 2 +
                       whole.column.x[a] * whole.row_spacing * (whole.rows - frame.rows) / 2 +
                       normal.x[a] * step * tile;
        place(frame, at);
        instance.parts.push_back(frame);
    }
}

static void cut_uih(Instance &instance, DcmDataset &data, const Frame &whole, const Grid &grid)
{
    for (int tile = 0; tile < grid.tiles; tile++) {
        DcmItem *item = item_of(data, UIH_FRAMES, (unsigned long)tile);
        Frame frame = tile_of(whole, tile, grid);
        bool oriented = item && has(*item, DCM_ImageOrientationPatient);
        if (item)
            read_plane(frame, *item, oriented ? *item : static_cast<DcmItem &>(data));
        if (!frame.placed || frame.row_spacing <= 0) {
            instance.unreadable = "UIH mosaic without the positions of its tiles";
            return;
        }
        instance.parts.push_back(frame);
    }
}

bool read_mosaic(Instance &instance, DcmDataset &data, const Frame &whole)
{
    bool siemens = instance.image_type.find("MOSAIC") != std::string::npos;
    bool uih = !siemens && item_of(data, UIH_FRAMES) && has(data, UIH_TILES);
    if (!siemens && !uih)
        return false;
    int tiles = int_of(data, uih ? UIH_TILES : SIEMENS_TILES, 0);
    if (tiles <= 0 && siemens) {
        std::vector<double> csa = csa_numbers(data, "NumberOfImagesInMosaic");
        tiles = !csa.empty() && csa[0] >= 1 && csa[0] <= MOST_TILES ? (int)csa[0] : 0;
    }
    Grid grid = grid_of(tiles, siemens);
    if (grid.tiles == 0 || whole.columns % grid.across != 0 || whole.rows % grid.down != 0 ||
        instance.frames != 1) {
        instance.unreadable = siemens ? "Siemens mosaic whose CSA header does not say how many images "
                                        "it holds"
                                      : "UIH mosaic that does not say how many images it holds";
        return true;
    }
    if (siemens)
        cut_siemens(instance, data, whole, grid);
    else
        cut_uih(instance, data, whole, grid);
    return true;
}

} // namespace dicom
