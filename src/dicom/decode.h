// dicom/decode.h - stored pixel values of single frames.
#ifndef DICOM_DECODE_H
#define DICOM_DECODE_H

#include <string>
#include <vector>

#include "dicom/instance.h"

namespace dicom {

struct Span { // of bytes in the file
    uint64_t offset;
    uint64_t length;
};

// Which fragments make which frame. Empty when they cannot be told apart.
std::vector<std::vector<Span>> frame_fragments(const Bytes &bytes, const PixelPlace &pixels,
                                               int frames);

// The bytes of frame `number`, its fragments one after the other. False with a reason.
bool frame_stream(const Bytes &bytes, const std::vector<std::vector<Span>> &fragments, int number,
                  std::vector<uint8_t> &stream, std::string &reason);

// One JPEG 2000 code stream (J2K or JP2) into rows x columns values of bits_allocated bits, native
// order. False with a reason. Source: PS3.5 8.2.4, A.4.4.
bool decode_jpeg2000(const std::vector<uint8_t> &stream, const Instance &instance, uint8_t *out,
                     std::string &reason);

// The same for RLE Lossless. Planes are put together little end first, as this machine's numbers are.
bool decode_rle(const std::vector<uint8_t> &stream, const Instance &instance, uint8_t *out,
                std::string &reason);

// The same for JPEG and JPEG-LS, by DCMTK.
bool decode_jpeg(const std::vector<uint8_t> &stream, const Instance &instance, uint8_t *out,
                 std::string &reason);

size_t bytes_per_pixel(const Instance &instance);
size_t bytes_per_frame(const Instance &instance);

// The frames of one instance. Not for sharing between threads.
class Decoder {
public:
    explicit Decoder(const Instance &instance);
    Decoder(const Decoder &) = delete;
    Decoder &operator=(const Decoder &) = delete;

    // Frame `number` (from 0): rows x columns stored values of bits_allocated bits, native byte order,
    // sign-extended where the source is signed. False with a reason in words.
    bool frame(int number, uint8_t *out, std::string &reason);

private:
    bool native(int number, uint8_t *out, std::string &reason);
    bool packed(int number, uint8_t *out, std::string &reason);

    const Instance &instance_;
    Bytes bytes_;
    std::vector<std::vector<Span>> fragments_;
};

} // namespace dicom
#endif
