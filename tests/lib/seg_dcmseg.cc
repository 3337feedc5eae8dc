// What DCMTK's own DcmSegmentation reads of a SEG: seg_dcmseg SEG ROWS COLUMNS prints, for each frame, its
// segment and how many pixels are set. Only for sizes that DCMTK 3.6.7 unpacks right: rows * columns mod 8 in 0, 1, 2, 4.
#include <cstdio>
#include <cstdlib>
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmfg/fgseg.h>
#include <dcmtk/dcmseg/segdoc.h>
#include <dcmtk/dcmseg/segment.h>
#include <dcmtk/dcmseg/segutils.h>

int main(int argc, char **argv)
{
    DcmSegmentation *seg = nullptr;
    if (argc < 4)
        return 1;
    OFCondition state = DcmSegmentation::loadFile(argv[1], seg);
    if (state.bad()) {
        puts(state.text());
        return 1;
    }
    Uint16 rows = (Uint16) atoi(argv[2]), columns = (Uint16) atoi(argv[3]);
    for (size_t f = 0; f < seg->getNumberOfFrames(); f++) {
        const DcmIODTypes::Frame *frame = seg->getFrame(f);
        OFBool shared;
        FGBase *group = seg->getFunctionalGroups().get((Uint32) f, DcmFGTypes::EFG_SEGMENTATION, shared);
        FGSegmentation *segmentation = OFstatic_cast(FGSegmentation *, group);
        Uint16 number = 0;
        if (!frame || !segmentation || segmentation->getReferencedSegmentNumber(number).bad())
            return 1;
        const DcmIODTypes::Frame *plain = seg->getSegmentationType() == DcmSegTypes::ST_BINARY
                                              ? DcmSegUtils::unpackBinaryFrame(frame, rows, columns) : frame;
        size_t set = 0;
        for (size_t p = 0; p < (size_t)rows * columns; p++)
            set += plain->pixData[p] != 0;
        printf("%u %zu\n", (unsigned)number, set);
    }
    delete seg;
    return 0;
}
