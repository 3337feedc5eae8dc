#include "dicom/decode.h"

#include <cstring>
#include <openjpeg.h>

namespace dicom {

namespace {
struct Memory {
    const std::vector<uint8_t> &bytes;
    size_t at;
};
// What OpenJPEG hands out, freed whatever happens.
struct Codec {
    opj_codec_t *codec = nullptr;
    opj_stream_t *stream = nullptr;
    opj_image_t *image = nullptr;
    ~Codec()
    {
        opj_image_destroy(image);
        opj_stream_destroy(stream);
        opj_destroy_codec(codec);
    }
};
} // namespace

static OPJ_SIZE_T read_some(void *out, OPJ_SIZE_T count, void *data)
{
    Memory *memory = static_cast<Memory *>(data);
    size_t left = memory->bytes.size() - memory->at;
    if (left == 0)
        return (OPJ_SIZE_T) -1;
    if (count > left)
        count = left;
    memcpy(out, memory->bytes.data() + memory->at, count);
    memory->at += count;
    return count;
}

static OPJ_OFF_T skip_some(OPJ_OFF_T count, void *data)
{
    Memory *memory = static_cast<Memory *>(data);
    if (count < 0)
        return -1;
    size_t left = memory->bytes.size() - memory->at;
    if ((uint64_t)count > left)
        count = (OPJ_OFF_T) left;
    memory->at += (size_t)count;
    return count;
}

static OPJ_BOOL seek_to(OPJ_OFF_T offset, void *data)
{
    Memory *memory = static_cast<Memory *>(data);
    if (offset < 0 || (uint64_t)offset > memory->bytes.size())
        return OPJ_FALSE;
    memory->at = (size_t)offset;
    return OPJ_TRUE;
}

static void say_nothing(const char *, void *)
{
}

static bool is_jp2(const std::vector<uint8_t> &stream)
{
    return stream.size() > 12 && memcmp(stream.data() + 4, "jP  ", 4) == 0;
}

static bool open_stream(Codec &opj, Memory &memory)
{
    opj.codec = opj_create_decompress(is_jp2(memory.bytes) ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K);
    opj.stream = opj_stream_create(1 << 16, OPJ_TRUE);
    if (!opj.codec || !opj.stream)
        return false;
    opj_set_error_handler(opj.codec, say_nothing, nullptr);
    opj_set_warning_handler(opj.codec, say_nothing, nullptr);
    opj_set_info_handler(opj.codec, say_nothing, nullptr);
    opj_stream_set_read_function(opj.stream, read_some);
    opj_stream_set_skip_function(opj.stream, skip_some);
    opj_stream_set_seek_function(opj.stream, seek_to);
    opj_stream_set_user_data(opj.stream, &memory, nullptr);
    opj_stream_set_user_data_length(opj.stream, memory.bytes.size());
    opj_dparameters_t parameters;
    opj_set_default_decoder_parameters(&parameters);
    return opj_setup_decoder(opj.codec, &parameters) &&
           opj_decoder_set_strict_mode(opj.codec, OPJ_TRUE);
}

// Before anything of the picture's size is allocated.
static bool header_fits(const opj_image_t &image, const Instance &instance, std::string &reason)
{
    uint32_t width = image.x1 - image.x0, height = image.y1 - image.y0;
    if (image.numcomps != 1) {
        reason = "its JPEG 2000 picture has " + std::to_string(image.numcomps) +
                 " components where one was expected";
        return false;
    }
    if (width != (uint32_t)instance.columns || height != (uint32_t)instance.rows) {
        reason = "its JPEG 2000 picture is " + std::to_string(width) + " x " + std::to_string(height) +
                 " where the header says " + std::to_string(instance.columns) + " x " +
                 std::to_string(instance.rows);
        return false;
    }
    if (image.comps[0].prec < 1 || image.comps[0].prec > (uint32_t)instance.bits_allocated ||
        image.comps[0].dx != 1 || image.comps[0].dy != 1) {
        reason = "its JPEG 2000 picture has " + std::to_string(image.comps[0].prec) +
                 " bits where the header says " + std::to_string(instance.bits_allocated);
        return false;
    }
    return true;
}

// The header's sign counts: writers have put signed values into unsigned components, and the other way.
static int32_t with_sign(int32_t value, const opj_image_comp_t &component, bool wanted)
{
    if ((component.sgnd != 0) == wanted || component.prec >= 32)
        return value;
    int32_t range = (int32_t)1 << component.prec;
    if (wanted)
        return value >= range / 2 ? value - range : value;
    return value & (range - 1);
}

static void store(const opj_image_comp_t &component, const Instance &instance, uint8_t *out)
{
    size_t count = (size_t)instance.rows * (size_t)instance.columns;
    for (size_t p = 0; p < count; p++) {
        int32_t value = with_sign(component.data[p], component, instance.is_signed);
        if (instance.bits_allocated == 8)
            out[p] = (uint8_t)value;
        else if (instance.bits_allocated == 16) {
            uint16_t narrow = (uint16_t)value;
            memcpy(out + 2 * p, &narrow, 2);
        } else
            memcpy(out + 4 * p, &value, 4);
    }
}

bool decode_jpeg2000(const std::vector<uint8_t> &stream, const Instance &instance, uint8_t *out,
                     std::string &reason)
{
    Memory memory = {stream, 0};
    Codec opj;
    reason = "its JPEG 2000 data is damaged";
    if (!open_stream(opj, memory) || !opj_read_header(opj.stream, opj.codec, &opj.image))
        return false;
    if (!header_fits(*opj.image, instance, reason))
        return false;
    reason = "its JPEG 2000 data is damaged or cut short";
    if (!opj_decode(opj.codec, opj.stream, opj.image) || !opj.image->comps[0].data ||
        opj.image->comps[0].w != (uint32_t)instance.columns ||
        opj.image->comps[0].h != (uint32_t)instance.rows)
        return false;
    store(opj.image->comps[0], instance, out);
    reason.clear();
    return true;
}

} // namespace dicom
