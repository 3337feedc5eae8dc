// dicom/library.h - DCMTK made ready: silent, codecs registered, once, before any thread.
#ifndef DICOM_LIBRARY_H
#define DICOM_LIBRARY_H

#include <new>
#include "sammed2d/error.h"

namespace dicom {

void library_ready();

// The door of every extern "C" function: runs work() and turns what it throws into a status.
template <typename Work> enum sm_status guarded(struct sm_err *err, const char *what, Work work)
{
    try {
        library_ready();
        return work();
    } catch (const std::bad_alloc &) {
        return sm_fail(err, SM_MEMORY, "%s: out of memory", what);
    } catch (...) {
        return sm_fail(err, SM_CORRUPT, "%s: cannot be understood as DICOM", what);
    }
}

} // namespace dicom
#endif
