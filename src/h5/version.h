/* h5/version.h - for --version. */
#ifndef H5_VERSION_H
#define H5_VERSION_H

/* "HDF5 1.10.8" */
const char *h5_libraries(void);

#endif
