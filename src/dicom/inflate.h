// dicom/inflate.h - deflated data sets unpacked in memory, and when packed bytes are not believed.
#ifndef DICOM_INFLATE_H
#define DICOM_INFLATE_H

#include <cstdint>
#include <string>
#include <vector>

namespace dicom {

// Is `unpacked` bytes out of `packed` more than an image can be, and so a bomb? Deflate packs a thousand
// to one at best, and only what is all alike; images of noise and anatomy stay far below TIGHTEST_PACKING.
// What unpacks to little is let through whatever the ratio, so that black pictures are read.
bool is_bomb(uint64_t packed, uint64_t unpacked);
// The reason to give, in words.
std::string bomb_reason(uint64_t packed);

// Deflated Explicit VR Little Endian, PS3.5 A.5: `start` is the beginning of a file. Gives where its deflate
// stream begins, 0 for any other file, and where the 22 bytes of the transfer syntax UID stand.
uint64_t deflated_from(const std::vector<uint8_t> &start, uint64_t &syntax_at);

// file: the whole file; out: the same file in Explicit VR Little Endian. A stream that is cut short or
// damaged gives what there is before the damage. Returns a reason when it is a bomb, else "".
std::string inflate_data_set(const std::vector<uint8_t> &file, uint64_t from, uint64_t syntax_at,
                             std::vector<uint8_t> &out);

} // namespace dicom
#endif
