/* nifti/version.h - for --version. */
#ifndef NIFTI_VERSION_H
#define NIFTI_VERSION_H

/* "niftilib 2, zlib 1.2.13; niftilib does not say more of itself" */
const char *nifti_libraries(void);

#endif
