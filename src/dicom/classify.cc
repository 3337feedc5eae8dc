#include "dicom/header.h"

#include <cstring>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>

#include "dicom/values.h"

namespace dicom {

namespace {
struct Named {
    const char *uid; // a whole UID, or the beginning of several when it ends in '.'
    const char *name;
};
} // namespace

#define STORAGE "1.2.840.10008.5.1.4.1.1."
#define SYNTAX "1.2.840.10008.1.2"

static const Named NOT_IMAGES[] = {
    {"1.2.840.10008.1.3.10", "not an image: DICOMDIR"},
    {STORAGE "88.67", "not an image: radiation dose report (SR)"},
    {STORAGE "88.59", "not an image: key object selection"},
    {STORAGE "88.", "not an image: structured report (SR)"},
    {STORAGE "66.4", "not an image: segmentation (SEG)"},
    {STORAGE "66.7", "not an image: label map segmentation (SEG)"},
    {STORAGE "66.", "not an image: raw data, registration or surface"},
    {STORAGE "481.2", "not an image: RT dose"},
    {STORAGE "481.3", "not an image: RT structure set"},
    {STORAGE "481.5", "not an image: RT plan"},
    {STORAGE "481.8", "not an image: RT ion plan"},
    {STORAGE "11.", "not an image: presentation state"},
    {STORAGE "104.", "not an image: encapsulated document"},
    {STORAGE "9.", "not an image: waveform"},
    {STORAGE "30", "not an image: parametric map"},
    {STORAGE "77.", ""}, // microscopy, visible light: images, colour for the most part
};

static const Named SYNTAXES[] = {
    {SYNTAX, "Implicit VR Little Endian"},
    {SYNTAX ".1", "Explicit VR Little Endian"},
    {SYNTAX ".2", "Explicit VR Big Endian"},
    {SYNTAX ".1.99", "Deflated Explicit VR Little Endian"},
    {SYNTAX ".5", "RLE Lossless"},
    {SYNTAX ".4.50", "JPEG Baseline (Process 1)"},
    {SYNTAX ".4.51", "JPEG Extended (Process 2 and 4)"},
    {SYNTAX ".4.53", "JPEG Spectral Selection (Process 6 and 8)"},
    {SYNTAX ".4.55", "JPEG Full Progression (Process 10 and 12)"},
    {SYNTAX ".4.57", "JPEG Lossless, Non-Hierarchical (Process 14)"},
    {SYNTAX ".4.70", "JPEG Lossless, Non-Hierarchical, First-Order Prediction "
                     "(Process 14 [Selection Value 1])"},
    {SYNTAX ".4.80", "JPEG-LS Lossless Image Compression"},
    {SYNTAX ".4.81", "JPEG-LS Lossy (Near-Lossless) Image Compression"},
    {SYNTAX ".4.90", "JPEG 2000 Image Compression (Lossless Only)"},
    {SYNTAX ".4.91", "JPEG 2000 Image Compression"},
};

const char *transfer_syntax_name(const std::string &uid)
{
    for (const Named &known : SYNTAXES)
        if (uid == known.uid)
            return known.name;
    return "unknown transfer syntax";
}

static bool transfer_syntax_known(const std::string &uid)
{
    for (const Named &known : SYNTAXES)
        if (uid == known.uid)
            return true;
    return false;
}

bool is_secondary_capture(const Instance &instance)
{
    const char *family = STORAGE "7";
    size_t length = strlen(family);
    return instance.sop_class.compare(0, length, family) == 0 &&
           (instance.sop_class.size() == length || instance.sop_class[length] == '.');
}

bool is_mask_class(const std::string &sop_class)
{
    return sop_class == STORAGE "66.4" || sop_class == STORAGE "66.7" || sop_class == STORAGE "481.3";
}

static bool matches(const std::string &uid, const char *pattern)
{
    size_t length = strlen(pattern);
    return pattern[length - 1] == '.' ? uid.compare(0, length, pattern) == 0 : uid == pattern;
}

// Enhanced and legacy-converted CT, MR and PET: their frames are slices, even where the attributes that
// say how they lie have been stripped.
static bool is_enhanced_class(const std::string &uid)
{
    static const char *const CLASSES[] = {STORAGE "2.1", STORAGE "2.2", STORAGE "4.1", STORAGE "4.4",
                                          STORAGE "130", STORAGE "128.1"};
    for (const char *known : CLASSES)
        if (uid == known)
            return true;
    return false;
}

// Classes whose every instance has pixels.
static bool is_plain_image_class(const std::string &uid)
{
    static const char *const CLASSES[] = {STORAGE "1", STORAGE "2", STORAGE "3.1", STORAGE "4",
                                          STORAGE "6.1", STORAGE "7", STORAGE "12.1", STORAGE "20",
                                          STORAGE "128"};
    for (const char *known : CLASSES)
        if (uid == known)
            return true;
    return is_enhanced_class(uid);
}

static std::string why_no_image(const Instance &instance)
{
    for (const Named &known : NOT_IMAGES)
        if (matches(instance.sop_class, known.uid))
            return known.name;
    if (instance.pixels.kind == PixelKind::None && is_plain_image_class(instance.sop_class))
        return "truncated: the file ends before its pixel data";
    if (instance.pixels.kind == PixelKind::None)
        return "not an image: no pixel data" +
               (instance.modality.empty() ? "" : " (modality " + instance.modality + ")");
    if (instance.rows < 1 || instance.columns < 1 || instance.frames < 1)
        return "damaged: no rows, columns or frames";
    if (instance.image_type.find("LOCALIZER") != std::string::npos && instance.modality == "CT")
        return "localizer";
    return "";
}

static std::string colour_of(const Instance &instance)
{
    if (instance.photometric == "PALETTE COLOR")
        return "palette colour image; only grey images are read";
    if (instance.samples != 1)
        return "colour image (" + (instance.photometric.empty() ? "no PhotometricInterpretation"
                                                               : instance.photometric) +
               "); only grey images are read";
    return "";
}

static const int MOST_FRAMES = 65536; // of an image that says nothing about them

static uint64_t frame_bytes(const Instance &instance)
{
    return (uint64_t)instance.rows * (uint64_t)instance.columns *
           (uint64_t)instance.bits_allocated / 8;
}

static std::string why_unreadable(const Instance &instance)
{
    std::string colour = colour_of(instance);
    if (!colour.empty())
        return colour;
    if (instance.frames > 1 && !instance.enhanced && !is_enhanced_class(instance.sop_class))
        return is_secondary_capture(instance)
                   ? "multi-frame secondary capture: frames without positions"
                   : "cine or multi-frame image without positions of its frames";
    if (instance.frames > MOST_FRAMES && !instance.enhanced)
        return "multi-frame image of " + std::to_string(instance.frames) + " frames without positions";
    if (!transfer_syntax_known(instance.transfer_syntax))
        return "transfer syntax " + instance.transfer_syntax + " is not read";
    if (instance.photometric != "MONOCHROME1" && instance.photometric != "MONOCHROME2" &&
        !instance.photometric.empty())
        return "photometric interpretation " + instance.photometric + " is not read";
    int bits = instance.bits_allocated;
    bool plain = instance.pixels.kind == PixelKind::Integer && (bits == 8 || bits == 16 || bits == 32);
    bool real = (instance.pixels.kind == PixelKind::Float && bits == 32) ||
                (instance.pixels.kind == PixelKind::Double && bits == 64);
    if (!plain && !real)
        return "pixels of " + std::to_string(bits) + " bits are not read";
    return "";
}

// The header promises more bytes than the file has.
static std::string why_short(const Instance &instance)
{
    if (instance.pixels.missing > 0)
        return "truncated: the pixel data ends " + std::to_string(instance.pixels.missing) +
               " bytes short";
    if (instance.pixels.encapsulated || !instance.unreadable.empty())
        return "";
    uint64_t need = frame_bytes(instance) * (uint64_t)instance.frames, have = instance.pixels.length;
    if (have < need)
        return "truncated: " + std::to_string(have) + " bytes of pixel data where " +
               std::to_string(need) + " are needed";
    return "";
}

void classify(Instance &instance, DcmDataset &data)
{
    instance.left_out = why_no_image(instance);
    if (!instance.left_out.empty())
        return;
    if (is_secondary_capture(instance) && instance.frames == 1) {
        std::string colour = colour_of(instance);
        bool placed = has(data, DCM_ImagePositionPatient) && has(data, DCM_ImageOrientationPatient) &&
                      has(data, DCM_PixelSpacing);
        if (!colour.empty() || !placed)
            instance.note = "secondary capture" + (colour.empty() ? " without geometry" : ", " + colour);
    }
    instance.unreadable = why_unreadable(instance);
    instance.left_out = why_short(instance);
}

} // namespace dicom
