// dicom/place.h - from planes in space (SEG frames, contours) to the voxels of a volume.
#ifndef DICOM_PLACE_H
#define DICOM_PLACE_H

#include <cmath>
#include <vector>

#include "dicom/instance.h"
#include "sammed2d/volume.h"

namespace dicom {

double dot(const Vector &a, const Vector &b);
Vector cross(const Vector &a, const Vector &b);
Vector minus(const Vector &a, const Vector &b);
Vector times(const Vector &a, double factor);
bool make_unit(Vector &v); // false for a vector without length
// Do planes with these unit normals run parallel, whichever way they face?
bool parallel(const Vector &a, const Vector &b);

// One coordinate of a point in space: direction * point - offset.
struct Axis {
    Vector direction;
    double offset = 0;
    double at(const Vector &point) const { return dot(direction, point) - offset; }
};

// A plate in space: where low <= coordinate < high for all three.
struct Plate {
    Axis axis[3]; // along the plane's two directions, and along its normal
    double low[3], high[3];
};
// Coordinates that count `across` and `down` from origin (which need not be at right angles), and mm
// along their normal. False when the two lie on one line.
bool plate_axes(Plate &plate, const Vector &origin, const Vector &across, const Vector &down);

// A piece of a row of voxels in a plate: columns first..last of row j of slice k. Coordinate c of the
// voxel in column i is start[c] + i * step[c].
struct RowPiece {
    int k, j, first, last;
    double start[3], step[3];
};

// Where the voxels of a volume are, slice by slice: its slice origins where it has them.
class Places {
public:
    explicit Places(const sm_volume &like);
    int nearest(double depth) const; // slice by distance along the normal
    size_t voxel(int k, int j) const { return ((size_t)k * (size_t)dim[1] + (size_t)j) * (size_t)dim[0]; }

    // Every piece of slices from..to that lies in the plate.
    template <typename Visit> void sweep(const Plate &plate, int from, int to, Visit visit) const
    {
        RowPiece piece;
        for (piece.k = from; piece.k <= to; piece.k++) {
            if (!touches(plate, piece.k))
                continue;
            for (piece.j = 0; piece.j < dim[1]; piece.j++)
                if (clip(plate, piece))
                    visit(piece);
        }
    }

    int dim[3];
    Vector across, down, normal;  // a column on, a row on, and the unit normal, the way k grows
    std::vector<Vector> origin;   // of voxel (0, 0, k)
    std::vector<double> depth;    // of slice k along the normal
    double step = 0;              // median distance of slices; one slice: its thickness in the affine
    bool uneven = false;

private:
    bool touches(const Plate &plate, int k) const;
    bool clip(const Plate &plate, RowPiece &piece) const;
};

} // namespace dicom
#endif
